"""The records behind a dossier, as they were received, each with what shows that it stands in the sealed log."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from optkeeper.evidence import logs, merkle, seal, tiles
from optkeeper.evidence.checkpoint import VerificationKey
from optkeeper.landing import document

_RECORDS = """
select
    record_id, source, object, source_id, batch, received_at, encode(digest, 'hex') as digest, broken_reason,
    is_excerpt, salt, cast(payload as text) as payload
from raw.records
where record_id = any(%s)
order by record_id
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """The records of a dossier, and the signed head that their proofs lead to; null before the first seal."""

    records: list[dict[str, Any]]
    head: str | None


def sealed(connection: psycopg.Connection[Any], numbers: Sequence[int], key: VerificationKey) -> Sealed:
    """The records of some numbers: the fields that their leaves are made of, salt, content and proof.

    A record that landed after the last seal is there without a proof, and said to be so.

    Raises:
        LogBroken: the last head is not signed by the key, or does not fit the log.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_RECORDS, (list(numbers),)).fetchall()
    found = seal.last_head(connection, logs.RECORDS, key)
    size = 0 if found is None else found[0].size
    if found is not None:
        seal.require_whole(connection, logs.RECORDS, found[0], "the last head in the warehouse")
    read = tiles.reader(connection, logs.RECORDS.name)
    return Sealed(
        [_told(row, tiles.leaf_of(connection, logs.RECORDS.name, row["record_id"]), size, read) for row in rows],
        None if found is None else found[1],
    )


def _told(row: dict[str, Any], leaf: int | None, size: int, read: merkle.Reader) -> dict[str, Any]:
    told = {
        **{name: row[name] for name in ("record_id", *logs.RECORDS.fields, "digest")},
        "received_at": row["received_at"].isoformat(timespec="microseconds"),
        "salt": str(row["salt"]),
        "payload": document.decode(row["payload"].encode()),
    }
    if leaf is None or leaf >= size:
        return {**told, "leaf": None, "inclusion": []}
    path = merkle.inclusion_proof(read, leaf, size)
    return {**told, "leaf": leaf, "inclusion": [base64.b64encode(step).decode() for step in path]}
