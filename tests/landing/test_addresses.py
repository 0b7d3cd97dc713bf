from pathlib import Path

import pytest
from optkeeper import settings
from optkeeper.landing import addresses
from optkeeper.sources.stream import RawAddress


@pytest.mark.parametrize(
    ("spelled", "compared"),
    [
        (" Anna@Voorbeeld.EXAMPLE ", "anna@voorbeeld.example"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("Straße@bücher.example", "strasse@xn--bcher-kva.example"),
        ("n/a", None), ("anna@localhost", None), ("anna bos@x.example", None), ("", None),
        # R34: what nobody sees, what programs and people put around an address
        ("\u200banna@x.example", "anna@x.example"), ("anna@x\u00ad.example\u2003", "anna@x.example"),
        ("rene\u0301@x.example", "ren\u00e9@x.example"), ("anna@x.example.", "anna@x.example"), ("anna@x.example..", None),
        ("mailto:anna@x.example?subject=Afmelden", "anna@x.example"), ("MAILTO:anna%40x.example", "anna@x.example"),
        ("<anna@x.example>", "anna@x.example"), ("Bos, Anna <anna@x.example>", "anna@x.example"),
        ('"Bos" <mailto:Anna@X.example>', "anna@x.example"), ("tim@x.example <anna@x.example>", None),
        ("anna@stra\u00dfe.example", "anna@xn--strae-oqa.example"), ("anna@strasse.example", "anna@strasse.example"),
        ("anna@xn--bcher-kva.example", "anna@xn--bcher-kva.example"), ("anna@x.example;", None),
    ],
)  # fmt: skip
def test_e_mail_addresses_compare_trimmed_case_folded_with_an_idna_domain(spelled: str, compared: str | None) -> None:
    assert addresses.email(spelled) == compared


@pytest.mark.parametrize(
    ("spelled", "country", "compared"),
    [
        ("020 123 4567", None, "+31201234567"), ("0031-20-1234567", "NL", "+31201234567"),
        ("030 1234567", "DE", "+49301234567"), ("+32 2 123 45 67", "NL", "+3221234567"),
        ("020 123 4567", "", "+31201234567"), ("onbekend", "NL", None), ("12", "NL", None),
        # R34: floats of spreadsheets; what lost digits is no number
        ("31612345671.0", None, "+31612345671"), ("612345672,00", "NL", "+31612345672"),
        ("+31612345671.0", None, "+31612345671"), ("3.1612345673E+10", None, "+31612345673"),
        ("3,1612345673e10", None, "+31612345673"), ("3.16E+10", None, None), ("3.161234567E+10", None, None),
        ("3.16123456730E+10", None, "+31612345673"), ("3E+10", None, None), ("\u200b0612345671", None, "+31612345671"),
        # R41: by a country that cannot be read only an international number is one
        ("0612345671", "ZZ", None), ("+31612345671", "ZZ", "+31612345671"), ("0612345671", "AQ", None),
    ],
)  # fmt: skip
def test_phone_numbers_are_read_with_the_country_of_their_record(
    spelled: str, country: str | None, compared: str | None
) -> None:
    assert addresses.phone(spelled, country) == compared


@pytest.mark.parametrize(
    ("address", "base"),
    [("a+x@d.example", "a@d.example"), ("a+x+y@d.example", "a@d.example"), ("a@d.example", "a@d.example"),
     ("+31201234567", "+31201234567"), ("+x@d.example", "+x@d.example")],
)  # fmt: skip
def test_a_plus_tag_does_not_count_where_restrictions_compare(address: str, base: str) -> None:
    assert addresses.base(address) == base


def test_postal_addresses_compare_by_country_postcode_number_and_addition() -> None:
    spelled = {"postcode": "1012 ab", "house_number": "5", "addition": "-hs", "street": "Dam"}
    assert addresses.postal(spelled) == addresses.postal(
        {"country": "nl", "postcode": "1012AB", "house_number": "5", "addition": "HS"}
    )
    assert addresses.postal({"postcode": "1012AB"}) is None


def test_a_national_number_of_an_unreadable_country_restricts_the_dutch_one() -> None:
    address = RawAddress("phone", "0612345671", "ZZ")
    assert addresses.compared(address) is None
    assert addresses.within(address) == ["+31612345671"]


def test_a_float_that_lost_digits_restricts_nobody_else() -> None:
    assert addresses.within(RawAddress("phone", "3.16E+10", "NL")) == []


def test_several_addresses_are_found_in_a_name_and_its_brackets() -> None:
    found = addresses.within(RawAddress("email", "tim@x.example <Anna@x.example>"))
    assert found == ["tim@x.example", "anna@x.example"]


def test_the_default_country_is_the_policy_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "policy.csv").write_text(
        "key,country,channel,value,valid_from,valid_to\ndefault_country,*,*,BE,2018-05-25,\n"
    )
    monkeypatch.setattr(settings, "registry_folders", lambda: (tmp_path,))
    assert addresses.phone("0470 12 34 57") == "+32470123457"
    assert addresses.postal({"postcode": "2000", "house_number": "5"}) == "BE|2000|5|"
