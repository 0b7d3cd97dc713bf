"""R40: after a restore the log goes on only by a signed statement, and from a true beginning of what was sealed."""

import pytest
from optkeeper.delivery.storage import Destination
from optkeeper.evidence import logs
from optkeeper.evidence.check import check
from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.evidence.outside import Outside
from optkeeper.evidence.restored import go_on
from optkeeper.evidence.seal import LogBroken

from tests.evidence.conftest import Connection, Land, Seal
from tests.gate import world


def restore(owner: Connection) -> None:
    """The warehouse as a backup after the first seal of 300 rows would leave it."""
    for table in ("raw.records", "evidence.heads"):
        owner.execute(f"alter table {table} disable trigger refuse_change".encode())
    owner.execute("delete from evidence.heads where log = 'records' and size > 300")
    owner.execute("delete from raw.records where cast(source_id as integer) >= 300")
    world.seal(owner)
    for table in ("raw.records", "evidence.heads"):
        owner.execute(f"alter table {table} enable trigger refuse_change".encode())


@pytest.fixture
def restored(owner: Connection, land: Land, sealed: Seal) -> Connection:
    land(300)
    sealed()
    land(50, 300)
    sealed()
    land(50, 350)
    sealed()
    restore(owner)
    return owner


def test_after_a_restore_nothing_is_sealed_before_the_key_says_so(
    restored: Connection, warehouse: Connection, land: Land, sealed: Seal, key: SigningKey, outside: Destination
) -> None:
    land(7, 1000)
    with pytest.raises(LogBroken, match="the head outside has 400 leaves, the warehouse 300"):
        sealed()
    assert go_on(warehouse, key, outside) == {"records": 100, "quarantine": 0}
    assert sealed()[0].size == 307
    assert check(warehouse, key.verification, outside).rows["records"] == 307
    [statement] = outside.names("evidence/records/restores")
    text = key.verification.opened((outside.read(f"evidence/records/restores/{statement}") or b"").decode())
    assert text.splitlines()[:2] == ["optkeeper restore 1", "optkeeper-test/records"]
    assert [line.split()[0] for line in text.splitlines()[3:]] == ["400", "300"]
    assert sum(len(hashes) // 32 for _, hashes in Outside(outside, logs.RECORDS).leaves()) == 307


def test_a_warehouse_that_lost_nothing_goes_on_as_it_is(
    warehouse: Connection, land: Land, sealed: Seal, key: SigningKey, outside: Destination
) -> None:
    assert go_on(warehouse, key, outside) == {"records": 0, "quarantine": 0}
    land(3)
    sealed()
    assert go_on(warehouse, key, outside) == {"records": 0, "quarantine": 0}
    assert outside.names("evidence/records/restores") == []


def test_the_key_signs_for_no_warehouse_whose_log_is_another(
    restored: Connection, warehouse: Connection, key: SigningKey, outside: Destination
) -> None:
    restored.execute(
        "update evidence.tiles set hashes = set_byte(hashes, 1, (get_byte(hashes, 1) + 1) % 256) where level = 1"
    )
    with pytest.raises(LogBroken, match="the last head in the warehouse, of 300 leaves, has another root"):
        go_on(warehouse, key, outside)
    restored.execute("alter table evidence.heads disable trigger refuse_change")
    restored.execute("truncate evidence.heads, evidence.tiles")
    with pytest.raises(LogBroken, match="the warehouse holds no head"):
        go_on(warehouse, key, outside)
