"""What a source yields: records as received, broken records, and cursors between them.

A source knows neither Airflow nor the database. It is made from its registry row and its
connection, and `pull` yields a stream that landing stores. Whatever stands before a `Cursor`
is committed together with it, so a pull that is killed goes on from the last committed one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
    which keeps numbers exact. `batch` names the vendor delivery that it came in. `text` is the record's own JSON text,
    where it came as one, in which each key stands once; it says what `payload` says, and spares the writing of it.
    `canonical` is its canonical form, where that has been made.
    """

    object: str
    source_id: str
    payload: Mapping[str, Any]
    addresses: tuple[RawAddress, ...] = ()
    batch: str | None = None
    text: bytes | None = field(default=None, repr=False, compare=False)
    canonical: bytes | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What can be read of a broken record, as a canonical event: a restriction, or no permission (R27, R9)."""

    source_id: str
    event: Mapping[str, Any]
    addresses: tuple[RawAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A record that breaks its contract: kept in quarantine as received, with where and why.

    `reason` is a short code, `detail` a sentence for a person; neither holds personal data. What can be read of it
    all the same is stored beside it and restricts: `remains`, the record without what is wrong in it (once for each
    way that it can be read), or `excerpts`.
    """

    object: str
    position: str  # where it stood: `crm.csv:17`, `page 3, item 4`
    reason: str
    detail: str
    raw: bytes
    field: str | None = None
    batch: str | None = None
    excerpts: tuple[Excerpt, ...] = ()
    remains: tuple[Received, ...] = ()


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where to go on; everything yielded before it is stored with it in one transaction."""

    stream: str
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileOpened:
    """From here on come a delivered file's records, always the same ones in the same order.

    Landing keeps how many of them it has stored, so that a pull that was killed goes on behind them. `reading` is the
    digest of how the registry says that the file is read: read another way, it begins anew.
    """

    digest: bytes
    reading: str = ""


@dataclass(frozen=True, slots=True)
class FileTaken:
    """A delivered file that was read to its end; the ledger keeps it, so that this delivery of it is not read twice."""

    digest: bytes
    name: str
    size: int
    batch: str
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileLeft:
    """A delivered file that could not be read to its end; it is tried again by every pull."""


@dataclass(frozen=True, slots=True)
class Population:
    """How many records a source says it holds now, or a delivered file holds: what the volume check compares.

    An incremental pull sees few records on a quiet day, so its own count says nothing about a source's health.
    """

    object: str
    total: int


@dataclass(frozen=True, slots=True)
class Listed:
    """Ids of records that a source still shows, in a listing of all of them that is known by when it began."""

    object: str
    started_at: str  # ISO 8601
    source_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListingEnded:
    """A listing is whole: what was received before it began and is not in it, the source no longer shows (R13)."""

    object: str
    started_at: str


StreamItem = Received | Broken | Cursor | FileOpened | FileTaken | FileLeft | Population | Listed | ListingEnded


class Ledger(Protocol):
    """What a source may ask about what has been landed before."""

    def cursor(self, stream: str) -> Mapping[str, Any] | None:
        """The last committed state of a stream, or None."""
        ...

    def knows_file(self, digest: bytes, modified_at: datetime) -> bool:
        """Whether this delivery of a file, by its digest and moment, was read to its end before."""
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
