"""Where things live and which day it is: the only module that reads `OPTKEEPER_*` variables."""

import os
from datetime import UTC, date, datetime, time
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo

CHECKOUT = Path(__file__).resolve().parents[2]
DBT_PROJECT = CHECKOUT / "dbt_project"
BUSINESS_TIME_ZONE = ZoneInfo("Europe/Amsterdam")  # R1
DELIVERED_BY = time(7)  # of the business day: published, and the lists with their recipients


def home() -> Path:
    """The folder of the embedded database, Airflow's files and the deliveries; made when absent."""
    folder = Path(os.environ.get("OPTKEEPER_HOME") or CHECKOUT / ".optkeeper").expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _secret(name: str) -> str | None:
    """A secret from its variable, else from the file that `<variable>_FILE` names; None where neither says one.

    Raises:
        ValueError: the file cannot be read.
    """
    given = os.environ.get(name)
    place = os.environ.get(f"{name}_FILE")
    if given or not place:
        return given or None
    try:
        return Path(place).read_text().strip() or None
    except OSError as problem:
        raise ValueError(f"{name}_FILE names {place}, which cannot be read: {problem.strerror}") from None


def external_warehouse_url() -> str | None:
    """The address of an external PostgreSQL, or None for the embedded one.

    Where the address holds no password, `OPTKEEPER_WAREHOUSE_PASSWORD` or the file that
    `OPTKEEPER_WAREHOUSE_PASSWORD_FILE` names is put in.
    """
    return _with_password(os.environ.get("OPTKEEPER_WAREHOUSE_URL"))


def airflow_server_url() -> str | None:
    """The server that keeps Airflow's metadata, as its owner; None where that is the warehouse's."""
    return _with_password(os.environ.get("OPTKEEPER_AIRFLOW_SERVER_URL"))


def _with_password(address: str | None) -> str | None:
    if not address:
        return None
    split = urlsplit(address)
    password = _secret("OPTKEEPER_WAREHOUSE_PASSWORD")
    if password is None or split.password is not None:
        return address
    login, at, place = split.netloc.rpartition("@")
    return urlunsplit(split._replace(netloc=f"{login}:{quote(password, safe='')}{at}{place}")) if at else address


def login_password(login: str) -> str | None:
    """The password that a login of the warehouse should get, or None to leave it as it is."""
    return _secret(f"OPTKEEPER_{login.upper()}_PASSWORD")


def first_password() -> str | None:
    """The password that the first login to Airflow gets, or None."""
    return _secret("OPTKEEPER_ADMIN_PASSWORD")


def evidence_key() -> str | None:
    """The key that the log of evidence is signed with, or None for the one of the home folder."""
    return _secret("OPTKEEPER_EVIDENCE_KEY")


def proof_mailbox() -> Path | None:
    """The folder into which mails that ask for proof are put, or None where nobody has said one."""
    given = os.environ.get("OPTKEEPER_PROOF_MAILBOX")
    return Path(given).expanduser() if given else None


def deliveries_url() -> str:
    """The object-storage address below which lists are written."""
    return os.environ.get("OPTKEEPER_DELIVERIES") or (home() / "deliveries").as_uri()


def public_url() -> str | None:
    """The address at which a browser reaches Airflow, for the links in mails; None where nobody has said it.

    Raises:
        ValueError: it is neither https nor this machine.
    """
    given = (os.environ.get("OPTKEEPER_PUBLIC_URL") or "").rstrip("/")
    if given and not given.startswith(("https://", "http://localhost:", "http://127.0.0.1:")):
        raise ValueError(f"OPTKEEPER_PUBLIC_URL must be an https address, not {given!r}")
    return given or None


def heartbeat_url() -> str | None:
    """What is called whenever a day was delivered whole, or None."""
    return os.environ.get("OPTKEEPER_HEARTBEAT_URL") or None


def keep_days() -> int:
    """For how many days logs, run records and the gate's pages are kept.

    Raises:
        ValueError: the variable holds no number of days.
    """
    given = os.environ.get("OPTKEEPER_KEEP_DAYS") or "90"
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"OPTKEEPER_KEEP_DAYS must be a number of days, not {given!r}")
    return int(given)


def registry_folders() -> tuple[Path, ...]:
    """The seed folders that hold the registries and the policy."""
    return DBT_PROJECT / "seeds" / "registry", DBT_PROJECT / "seeds" / "policy"


def replayed() -> datetime | None:
    """Noon of the `OPTKEEPER_AS_OF` date in the business time zone; None where no date is replayed.

    Raises:
        ValueError: the variable holds no date.
    """
    given = os.environ.get("OPTKEEPER_AS_OF")
    if not given:
        return None
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise ValueError(f"OPTKEEPER_AS_OF must be a date (YYYY-MM-DD), not {given!r}") from None
    return datetime.combine(day, time(12), BUSINESS_TIME_ZONE)


def as_of() -> datetime:
    """The business moment: the replayed one, else now."""
    return replayed() or datetime.now(UTC)
