"""R40: what lands becomes leaves of a log with signed heads, in the warehouse and outside it, once each."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from optkeeper.delivery.storage import Destination
from optkeeper.evidence import climbing, landed, logs, merkle, tiles
from optkeeper.evidence.checkpoint import Head, SigningKey
from optkeeper.evidence.outside import Outside
from optkeeper.evidence.seal import LogBroken, Sealed, last_head, seal
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events
from optkeeper.warehouse import database
from psycopg.rows import dict_row

from tests.evidence.conftest import Connection, Land, Seal

SIZES = (1, 255, 1, 1, 254, 256, 300, 0, 2)


def data_of(connection: Connection, log: logs.Log, edition: int = logs.EDITIONS[0]) -> list[bytes]:
    """The leaves' data by the Python definition, from the rows."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(f"select * from {log.table} order by {log.number}".encode()).fetchall()
    return [
        logs.leaf_data(log, {**row, "digest": bytes(row["digest"]).hex()}, UUID(str(row["salt"])), edition)
        for row in rows
    ]


def root_of(leaves: list[bytes]) -> bytes:
    """The root by the RFC's definition, from hashes of leaves."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return merkle.node_hash(root_of(leaves[:k]), root_of(leaves[k:]))


@pytest.mark.parametrize("many", [climbing.FEW, 200])
def test_the_tree_of_many_seals_is_the_tree_of_all_rows(
    warehouse: Connection, owner: Connection, land: Land, sealed: Seal, key: SigningKey, outside: Destination,
    monkeypatch: pytest.MonkeyPatch, many: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(climbing, "FEW", many)  # above it, processes of their own compute the tree
    landed = 0
    for count in SIZES:
        land(count, landed)
        landed += count
        if count != SIZES[0]:  # a number that no row has, as a landing leaves that was rolled back
            owner.execute("select nextval('raw.records_record_id_seq')")
        assert sealed()[0] == Sealed("records", landed, count)
    leaves = [merkle.leaf_hash(one) for one in data_of(warehouse, logs.RECORDS)]
    found = last_head(warehouse, logs.RECORDS, key.verification)
    assert found is not None
    head, note = found
    assert (head.size, head.root) == (landed, root_of(leaves))
    for place, (number,) in enumerate(warehouse.execute("select record_id from raw.records order by 1").fetchall()):
        assert tiles.leaf_of(warehouse, "records", number) == place
    assert tiles.leaf_of(warehouse, "records", number + 1) is None
    kept = Outside(outside, logs.RECORDS)
    assert kept.latest() == note
    assert b"".join(hashes for _, hashes in kept.leaves()) == b"".join(leaves)
    assert len(outside.names("evidence/records/heads")) == len(SIZES)


@pytest.mark.parametrize("edition", logs.EDITIONS)
def test_the_warehouse_and_the_definition_write_the_same_leaves(
    warehouse: Connection, owner: Connection, land: Land, edition: int
) -> None:
    land(3)
    owner.execute("alter table raw.records disable trigger refuse_change")
    owner.execute("update raw.records set batch = e'\u20ac,1\n-', source_id = ':' where record_id = 2")
    owner.execute("update raw.records set batch = '', broken_reason = '-', is_excerpt = true where record_id = 3")
    owner.execute("update raw.records set received_at = '1999-12-31 23:59:59.999999+00' where record_id = 3")
    expected = b"".join(merkle.leaf_hash(one) for one in data_of(warehouse, logs.RECORDS, edition))
    assert list(logs.leaves(warehouse, logs.RECORDS, 0, logs.LAST, edition=edition)) == [([1, 2, 3], expected)]


def told(connection: Connection) -> list[tuple[int, int]]:
    """The first and last record of each portion of leaves that landing has left for the seal."""
    return connection.execute("select first_id, last_id from evidence.landed order by first_id").fetchall()


def joined(portions: Iterable[tuple[Sequence[int], bytes]]) -> tuple[list[int], bytes]:
    ids: list[int] = []
    hashes = b""
    for numbers, some in portions:
        ids += numbers
        hashes += some
    return ids, hashes


def test_the_leaves_that_landing_computed_are_the_rows_own(
    warehouse: Connection, owner: Connection, land: Land
) -> None:
    for start in range(0, 1_000, 100):
        land(100, start)
        if start % 300 == 0:  # a number that no row has
            owner.execute("select nextval('raw.records_record_id_seq')")
    assert [last - first for first, last in told(warehouse)] == [99] * 10
    computed = joined(logs.leaves(warehouse, logs.RECORDS, 0, logs.LAST))
    assert len(computed[0]) == 1_000
    assert joined(landed.leaves(warehouse, 0, computed[0][-1], None)) == computed
    upto = computed[0][449]
    assert joined(landed.leaves(warehouse, 0, upto, None)) == (computed[0][:450], computed[1][: 450 * 32])


def test_a_row_that_no_portion_tells_of_is_sealed_by_what_it_holds(
    warehouse: Connection, owner: Connection, land: Land, sealed: Seal
) -> None:
    for start in (0, 40, 80, 120):  # as an older installation has landed them, all but the third
        land(40, start)
    owner.execute("delete from evidence.landed where first_id <> 81")
    assert sealed()[0] == Sealed("records", 160, 160)
    leaves = [merkle.leaf_hash(one) for one in data_of(warehouse, logs.RECORDS)]
    assert merkle.root(tiles.reader(warehouse, "records"), 160) == root_of(leaves)


def test_a_warehouse_that_kept_leaves_beside_its_rows_goes_on(
    warehouse: Connection, owner: Connection, land: Land, sealed: Seal
) -> None:
    land(40)
    owner.execute("delete from evidence.landed")
    owner.execute("alter table raw.records add column leaf bytea")
    owner.execute("create schema day_raw; create view day_raw.records as select * from raw.records")
    database.ensure_raw(owner)
    land(40, 40)
    assert sealed()[0] == Sealed("records", 80, 80)
    leaves = [merkle.leaf_hash(one) for one in data_of(warehouse, logs.RECORDS)]
    assert merkle.root(tiles.reader(warehouse, "records"), 80) == root_of(leaves)


def test_what_is_sealed_leaves_no_portion_behind(warehouse: Connection, land: Land, sealed: Seal) -> None:
    land(30)
    land(30)  # known already: nothing new
    assert told(warehouse) == [(1, 30)]
    sealed()
    assert told(warehouse) == []


def test_numbers_that_are_not_in_a_row_are_told_one_by_one(
    warehouse: Connection, owner: Connection, land: Land, sealed: Seal
) -> None:
    owner.execute("alter sequence raw.records_record_id_seq increment by 3")
    land(300)
    row = warehouse.execute("select ids from evidence.landed").fetchone()
    assert row is not None
    assert len(row[0]) == 300
    assert sealed()[0].added == 300
    leaves = [merkle.leaf_hash(one) for one in data_of(warehouse, logs.RECORDS)]
    assert merkle.root(tiles.reader(warehouse, "records"), 300) == root_of(leaves)
    assert tiles.leaf_of(warehouse, "records", row[0][-1]) == 299


def test_what_a_leaf_says_is_laid_down_octet_by_octet() -> None:
    row = {
        "record_id": 7, "received_at": datetime(2000, 1, 1, 0, 0, 1, tzinfo=UTC), "digest": "ab" * 32, "source": "web",
        "object": "canonical.events", "source_id": "1", "batch": None, "broken_reason": None, "is_excerpt": False,
    }  # fmt: skip
    assert logs.statement(logs.RECORDS, row, 2) == (
        b"record 2,7,3,16,1,,,f:webcanonical.events1" + (1_000_000).to_bytes(8, "big") + b"\xab" * 32
    )
    assert logs.statement(logs.RECORDS, row, 1).decode() == (
        f"record 1\n7\n946684801.000000\n{'ab' * 32}\n3:web\n16:canonical.events\n1:1\n-\n-\n5:false\n"
    )


def test_proofs_are_read_from_the_tiles(warehouse: Connection, land: Land, sealed: Seal) -> None:
    land(700)
    sealed()
    land(900, 700)
    sealed()
    data = data_of(warehouse, logs.RECORDS)
    leaves = [merkle.leaf_hash(one) for one in data]
    read = tiles.reader(warehouse, "records")
    numbers = [row[0] for row in warehouse.execute("select record_id from raw.records order by record_id").fetchall()]
    for index in (0, 255, 256, 699, 700, 1023, 1535, 1599):
        assert tiles.leaf_of(warehouse, "records", numbers[index]) == index
        path = merkle.inclusion_proof(read, index, 1600)
        merkle.verify_inclusion(leaves[index], index, 1600, path, root_of(leaves))
    assert tiles.leaf_of(warehouse, "records", numbers[-1] + 1) is None
    path = merkle.consistency_proof(read, 700, 1600)
    merkle.verify_consistency(700, 1600, path, root_of(leaves[:700]), root_of(leaves))


def test_a_row_of_quarantine_is_sealed_in_a_log_of_its_own(warehouse: Connection, sealed: Seal) -> None:
    lines = [
        b'{"event_id": "1", "source": "web", "type": "visit", "contact": {"email": "nobody"}}',
        b"{no JSON \xe2\x82\xac",
    ]
    Landing(warehouse, "web").land(read_events(lines, "events.jsonl"))
    records, quarantine = sealed()
    assert quarantine.log == "quarantine"
    assert quarantine.added == len(data_of(warehouse, logs.QUARANTINE)) > 0
    expected = root_of([merkle.leaf_hash(one) for one in data_of(warehouse, logs.QUARANTINE)])
    assert merkle.root(tiles.reader(warehouse, "quarantine"), quarantine.size) == expected
    assert records.added == len(data_of(warehouse, logs.RECORDS))


def test_a_seal_of_nothing_new_signs_a_later_moment(
    warehouse: Connection, land: Land, sealed: Seal, key: SigningKey
) -> None:
    land(3)
    sealed()
    first = last_head(warehouse, logs.RECORDS, key.verification)
    assert [one.added for one in sealed()] == [0, 0]
    second = last_head(warehouse, logs.RECORDS, key.verification)
    assert first is not None
    assert second is not None
    assert second[0].root == first[0].root
    assert second[0].received_until > first[0].received_until


def test_rows_that_landed_after_the_moment_wait_for_the_next_seal(
    warehouse: Connection, land: Land, sealed: Seal, key: SigningKey
) -> None:
    land(2)
    sealed()
    found = last_head(warehouse, logs.RECORDS, key.verification)
    land(2, 2)
    late = warehouse.execute("select min(received_at) from raw.records where source_id in ('2', '3')").fetchone()
    assert found is not None
    assert late is not None
    assert late[0] > found[0].received_until


_KILLED = """
import os, sys
from optkeeper.delivery.storage import opened
from optkeeper.evidence import seal, tiles
from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.evidence.outside import Outside
from optkeeper.warehouse import database
address, key, outside, where = sys.argv[1:]
def die(*_, **__):
    os.kill(os.getpid(), 9)
if where == "writing":
    whole = tiles.write
    def write(connection, log, given):
        whole(connection, log, given)
        die()
    tiles.write = write
elif where == "before outside":
    Outside.keep = die
elif where == "within outside":
    from optkeeper.delivery.storage import Destination
    put = Destination.put
    def some(self, local, path):
        if path.endswith("latest"):
            die()
        put(self, local, path)
    Destination.put = some
with database.connect(address) as connection, opened(outside) as destination:
    seal.seal(connection, SigningKey.read(key), destination)
"""


@pytest.mark.parametrize("where", ["writing", "before outside", "within outside"])
@pytest.mark.parametrize("earlier", [0, 300])
def test_a_seal_that_is_killed_and_runs_again_makes_one_tree(
    warehouse: Connection, warehouse_url: str, land: Land, sealed: Seal, key: SigningKey, outside: Destination,
    tmp_path: Path, where: str, earlier: int,
) -> None:  # fmt: skip
    if earlier:
        land(earlier)
        sealed()
    land(500, earlier)
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, warehouse_url, key.text, (tmp_path / "outside").as_uri(), where],
        env=dict(os.environ),
        check=False,
    )
    assert killed.returncode == -9
    land(40, 500 + earlier)
    sealed()
    leaves = [merkle.leaf_hash(one) for one in data_of(warehouse, logs.RECORDS)]
    assert len(leaves) == 540 + earlier
    found = last_head(warehouse, logs.RECORDS, key.verification)
    assert found is not None
    assert (found[0].size, found[0].root) == (len(leaves), root_of(leaves))
    assert b"".join(hashes for _, hashes in Outside(outside, logs.RECORDS).leaves()) == b"".join(leaves)


def test_nothing_is_sealed_upon_a_log_that_another_key_has_signed(
    warehouse: Connection, land: Land, sealed: Seal, outside: Destination
) -> None:
    land(3)
    sealed()
    with pytest.raises(LogBroken, match="the last head in the warehouse was replaced"):
        seal(warehouse, SigningKey.generated("optkeeper-test"), outside)


def test_nothing_is_sealed_upon_a_log_that_is_behind_the_head_outside(
    warehouse: Connection, owner: Connection, land: Land, sealed: Seal, key: SigningKey, outside: Destination
) -> None:
    land(3)
    sealed()
    land(3, 3)
    sealed()
    owner.execute("alter table evidence.heads disable trigger refuse_change")
    owner.execute(
        "delete from evidence.heads where head_id = (select max(head_id) from evidence.heads where log = 'records')"
    )
    with pytest.raises(LogBroken, match="the head outside has 6 leaves, the warehouse 3"):
        sealed()


def test_a_head_outside_that_is_gone_or_replaced_stops_the_seal(
    warehouse: Connection, land: Land, sealed: Seal, key: SigningKey, outside: Destination, tmp_path: Path
) -> None:
    land(3)
    sealed()
    land(3, 3)
    sealed()
    latest = tmp_path / "outside" / "evidence" / "records" / "latest"
    note = latest.read_text()
    head = Head.opened(note, key.verification, "optkeeper-test/records")
    latest.write_text(note.replace("\n6\n", "\n7\n"))
    with pytest.raises(LogBroken, match="the head at .* was replaced"):
        sealed()
    latest.write_text(Head(head.origin, 6, b"\0" * 32, head.received_until).signed(key))
    with pytest.raises(LogBroken, match="the head outside, of 6 leaves, has another root"):
        sealed()
    latest.unlink()
    with pytest.raises(LogBroken, match="latest is gone"):
        sealed()
