import pytest
from optkeeper.landing import addresses


@pytest.mark.parametrize(
    ("spelled", "compared"),
    [
        (" Anna@Voorbeeld.EXAMPLE ", "anna@voorbeeld.example"),
        ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ("Straße@bücher.example", "strasse@xn--bcher-kva.example"),
        ("n/a", None), ("anna@localhost", None), ("anna bos@x.example", None), ("", None),
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
