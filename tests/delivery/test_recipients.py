from pathlib import Path

import pytest
from optkeeper import registry, settings
from optkeeper.delivery.recipients import RecipientError, recipients

HEADER = "brand,channel,list,name,email,language,attach\n"


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "registry_folders", lambda: (tmp_path,))
    return tmp_path / "list_recipients.csv"


def test_every_channel_of_every_brand_has_an_owner() -> None:
    brands = {row["brand"] for row in registry.rows("sources") if row["brand"]}
    channels = ("email", "phone", "post", "sms")
    assert {(one.brand, one.channel) for one in recipients()} == {(b, c) for b in brands for c in channels}


def test_rows_of_other_lists_are_left_alone(registered: Path) -> None:
    registered.write_text(HEADER + "noord,phone,sleepers,Team,team@noord.example,nl,true\n")
    assert recipients() == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("../x,phone,renewal_due,Team,team@noord.example,nl,true", "line 2: brand cannot be used"),
        ("noord,a/b,renewal_due,Team,team@noord.example,nl,true", "line 2: channel cannot be used"),
        ("noord,phone,renewal_due,Team,no-address,nl,true", "line 2: email cannot be used"),
        ('noord,phone,renewal_due,Team,"a@b.example\nBcc: c@d.example",nl,true', "line 2: email cannot be used"),
        ('noord,phone,renewal_due,"Te\nam",team@noord.example,nl,true', "line 2: name cannot be used"),
        ("noord,phone,renewal_due,Team,team@noord.example,fr,true", "line 2: language must be one of nl, en"),
        ("noord,phone,renewal_due,Team,team@noord.example,nl,yes", "line 2: attach must be true or false"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_without_its_address(registered: Path, row: str, said: str) -> None:
    registered.write_text(HEADER + row + "\n")
    with pytest.raises(RecipientError, match=said) as raised:
        recipients()
    assert "@" not in str(raised.value)


def test_a_list_has_one_owner(registered: Path) -> None:
    row = "noord,phone,renewal_due,Team,team@noord.example,nl,true\n"
    registered.write_text(HEADER + row + row)
    with pytest.raises(RecipientError, match="line 3: brand noord and channel phone have a recipient already"):
        recipients()


def test_a_recipient_of_several_lists_reads_them_in_one_language(registered: Path) -> None:
    row = "noord,phone,renewal_due,Team,team@noord.example,nl,true\n"
    registered.write_text(HEADER + row + "noord,sms,renewal_due,Team,Team@noord.example,en,true\n")
    with pytest.raises(RecipientError, match="line 3: language must be nl, as in this recipient's other lists"):
        recipients()
