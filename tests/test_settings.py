"""Settings come from variables, secrets from a variable or from the file that one names."""

from pathlib import Path

import pytest
from optkeeper import settings


def test_a_password_is_read_from_the_file_that_its_variable_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("of-the-file\n")
    monkeypatch.delenv("OPTKEEPER_ANALYST_PASSWORD", raising=False)
    monkeypatch.setenv("OPTKEEPER_ANALYST_PASSWORD_FILE", str(tmp_path / "secret"))
    assert settings.login_password("analyst") == "of-the-file"
    monkeypatch.setenv("OPTKEEPER_ANALYST_PASSWORD", "of-the-variable")
    assert settings.login_password("analyst") == "of-the-variable"


def test_a_secrets_file_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPTKEEPER_ADMIN_PASSWORD", raising=False)
    monkeypatch.setenv("OPTKEEPER_ADMIN_PASSWORD_FILE", str(tmp_path / "missing"))
    with pytest.raises(ValueError, match=r"OPTKEEPER_ADMIN_PASSWORD_FILE names .*missing, which cannot be read"):
        settings.first_password()


@pytest.mark.parametrize(
    ("address", "password", "expected"),
    [
        ("postgresql://pipeline@db:5432/w", "a/b@c", "postgresql://pipeline:a%2Fb%40c@db:5432/w"),
        ("postgresql://pipeline:own@db:5432/w", "other", "postgresql://pipeline:own@db:5432/w"),
        ("postgresql://pipeline@db:5432/w?sslmode=require", "x", "postgresql://pipeline:x@db:5432/w?sslmode=require"),
        ("postgresql://pipeline@db:5432/w", None, "postgresql://pipeline@db:5432/w"),
        ("", "x", None),
    ],
)
def test_the_warehouses_address_gets_the_password_that_it_lacks(
    monkeypatch: pytest.MonkeyPatch, address: str, password: str | None, expected: str | None
) -> None:
    monkeypatch.setenv("OPTKEEPER_WAREHOUSE_URL", address)
    monkeypatch.delenv("OPTKEEPER_WAREHOUSE_PASSWORD_FILE", raising=False)
    monkeypatch.setenv("OPTKEEPER_WAREHOUSE_PASSWORD", password or "")
    assert settings.external_warehouse_url() == expected


@pytest.mark.parametrize(("given", "days"), [("", 90), ("30", 30)])
def test_days_to_keep_are_a_number(monkeypatch: pytest.MonkeyPatch, given: str, days: int) -> None:
    monkeypatch.setenv("OPTKEEPER_KEEP_DAYS", given)
    assert settings.keep_days() == days


@pytest.mark.parametrize("given", ["0", "-1", "a week", "1.5"])
def test_what_is_no_number_of_days_is_told(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("OPTKEEPER_KEEP_DAYS", given)
    with pytest.raises(ValueError, match="OPTKEEPER_KEEP_DAYS must be a number of days"):
        settings.keep_days()
