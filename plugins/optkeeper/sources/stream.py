"""What a source yields: records as received, broken records, and cursors between them.

A source knows neither Airflow nor the database. It is made from its registry row and its
connection, and `pull` yields a stream that landing stores. Whatever stands before a `Cursor`
is committed together with it, so a pull that is killed goes on from the last committed one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from optkeeper.registry import RegisteredSource


@dataclass(frozen=True, slots=True)
class RawAddress:
    """An address as a record spells it; `country` (ISO 3166 alpha-2) says how a phone number is read (R34)."""

    kind: str  # email or phone
    raw: str
    country: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One record as received. `object` is qualified by its connector: `hubspot.contacts`.

    `payload` is the record as its decoded JSON object; decode with `optkeeper.landing.document.decode`,
    which keeps numbers exact. `batch` names the vendor delivery that it came in.
    """

    object: str
    source_id: str
    payload: Mapping[str, Any]
    addresses: tuple[RawAddress, ...] = ()
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that breaks its contract: kept in quarantine as received, with where and why.

    `reason` is a short code, `detail` a sentence for a person; neither holds personal data.
    """

    object: str
    position: str  # where it stood: `crm.csv:17`, `page 3, item 4`
    reason: str
    detail: str
    raw: bytes
    field: str | None = None
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on; everything yielded before it is stored with it in one transaction."""

    stream: str
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileTaken:
    """A delivered file that was read to its end; the ledger keeps it, so that it is never read twice."""

    digest: bytes
    name: str
    size: int
    batch: str


@dataclass(frozen=True, slots=True)
class Population:
    """How many records a source says it holds now, or a delivered file holds: what the volume check compares.

    An incremental pull sees few records on a quiet day, so its own count says nothing about a source's health.
    """

    object: str
    total: int


StreamItem = Received | Broken | Cursor | FileTaken | Population


class Ledger(Protocol):
    """What a source may ask about what has been landed before."""

    def cursor(self, stream: str) -> Mapping[str, Any] | None:
        """The last committed state of a stream, or None."""
        ...

    def knows_file(self, digest: bytes) -> bool:
        """Whether a file of this digest was read to its end before."""
        ...


@dataclass(frozen=True, slots=True)
class ConnectionDetails:
    """How a source is reached; resolved from an Airflow connection by the caller. Never printed: it holds a secret."""

    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Source(Protocol):
    """A connector for one registered source."""

    def __init__(self, source: RegisteredSource, connection: ConnectionDetails) -> None: ...

    def pull(self, ledger: Ledger) -> Iterator[StreamItem]:
        """Everything that is new since the ledger's cursors, read to exhaustion."""
        ...
