"""Seals made-up leaves as landing leaves them, many more than the histories of one run have records."""

import statistics
import time
from pathlib import Path
from typing import Any

import psycopg
from optkeeper.delivery.storage import opened
from optkeeper.evidence import keys, logs, merkle, tiles
from optkeeper.evidence.seal import seal
from optkeeper.landing.land import CHUNK
from optkeeper.warehouse import database, embedded

from tests.bench.row import Row

Connection = psycopg.Connection[Any]
_PROOFS = 200
_PORTIONS = """
insert into evidence.landed (first_id, last_id, received_from, hashes)
select min(number), max(number), clock_timestamp(), string_agg(sha256(int8send(number)), ''::bytea order by number)
from generate_series(cast(%(first)s as bigint), %(last)s) as number
group by (number - 1) / %(chunk)s
"""


def measure_sealing(leaves: int, work: Path) -> list[Row]:
    """Seals so many leaves at first, and then one in a hundred more, in a warehouse below a folder."""
    owner = embedded.url("bench", work / "postgres")
    with database.connect(owner) as connection:
        database.ensure_raw(connection)
        more = leaves // 100
        first = _sealed(connection, work, 1, leaves)
        daily = _sealed(connection, work, leaves + 1, leaves + more)
        proof = proof_seconds(connection, leaves + more)
    return [
        Row("sealing, first time", f"{first:.1f} s", "", f"{first / leaves * 1e6:.1f} µs each", "15 M in about 30 s"),
        Row(f"sealing {more:,} more", f"{daily:.2f} s", "", "", "1 % in 1 s"),
        Row("an inclusion proof", f"{proof * 1e3:.1f} ms", "", "", "under 5 ms"),
    ]


def _sealed(connection: Connection, work: Path, first: int, last: int) -> float:
    connection.execute(_PORTIONS, {"first": first, "last": last, "chunk": CHUNK})
    connection.execute("checkpoint")
    with opened((work / "deliveries").as_uri()) as outside:
        began = time.perf_counter()
        records, _ = seal(connection, keys.signing_key(), outside)
        seconds = time.perf_counter() - began
    assert (records.size, records.added) == (last, last - first + 1)
    return seconds


def proof_seconds(connection: Connection, size: int) -> float:
    """What a proof of one of so many leaves takes, at the median."""
    times = []
    for step in range(_PROOFS):
        began = time.perf_counter()
        leaf = tiles.leaf_of(connection, logs.RECORDS.name, 1 + step * (size - 1) // _PROOFS)
        assert leaf is not None
        merkle.inclusion_proof(tiles.reader(connection, logs.RECORDS.name), leaf, size)
        times.append(time.perf_counter() - began)
    return statistics.median(times)
