"""R40: what a superuser of the database changes, past every trigger, is found by the next check and named by number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optkeeper.delivery.storage import Destination
from optkeeper.evidence import logs, tiles
from optkeeper.evidence.check import ALTERED, BACKDATED, TAKEN_AWAY, EvidenceAltered, Finding, check
from optkeeper.evidence.checkpoint import SigningKey
from optkeeper.evidence.erase import NotSealed, erase
from optkeeper.evidence.seal import LogBroken
from optkeeper.landing.document import digest
from optkeeper.landing.land import Landing
from optkeeper.sources.canonical_feed import read_events

from tests.evidence.conftest import Connection, Land, Seal
from tests.gate import world

Check = Callable[[], list[Finding]]
PEOPLE = 600


@pytest.fixture
def checked(warehouse: Connection, key: SigningKey, outside: Destination) -> Check:
    """Checks everything; answers what was found."""

    def run() -> list[Finding]:
        try:
            check(warehouse, key.verification, outside)
        except EvidenceAltered as altered:
            told, findings = str(altered), altered.findings
        else:
            return []
        assert "@" not in told
        return findings

    return run


@pytest.fixture
def superuser(owner: Connection, land: Land, sealed: Seal) -> Connection:
    """The owner of a warehouse in which much was sealed, who has taken every trigger away."""
    land(PEOPLE // 2)
    sealed()
    land(PEOPLE // 2, PEOPLE // 2)
    sealed()
    for table in ("raw.records", "raw.quarantine", "evidence.heads", "evidence.erasures"):
        owner.execute(f"alter table {table} disable trigger refuse_change".encode())
    return owner


def record_of(connection: Connection, source_id: str) -> int:
    row = connection.execute("select record_id from raw.records where source_id = %s", (source_id,)).fetchone()
    assert row is not None
    return int(row[0])


def edit(connection: Connection, source_id: str) -> int:
    """Another address in a record, with the digest that fits it."""
    event: dict[str, Any] = {
        "event_id": source_id, "source": "web", "type": "visit", "contact": {"email": "other@x.example"}
    }  # fmt: skip
    row = connection.execute(
        'update raw.records set payload = payload || \'{"contact": {"email": "other@x.example"}}\', digest = %s'
        " where source_id = %s returning record_id",
        (digest(event), source_id),
    ).fetchone()
    assert row is not None
    return int(row[0])


def slipped_in(connection: Connection) -> int:
    """A record with the date of one that was received long before."""
    row = connection.execute(
        "insert into raw.records (source, object, source_id, received_at, digest, payload)"
        " select source, object, 'new', received_at, digest, payload from raw.records where source_id = '3'"
        " returning record_id"
    ).fetchone()
    assert row is not None
    return int(row[0])


def rows(findings: list[Finding]) -> set[tuple[str, tuple[int, ...]]]:
    return {(finding.what, finding.rows) for finding in findings if finding.rows}


def test_what_was_only_added_to_is_as_it_was_sealed(
    warehouse: Connection, land: Land, sealed: Seal, checked: Check, key: SigningKey, outside: Destination
) -> None:
    assert checked() == []
    land(PEOPLE)
    Landing(warehouse, "web").land(read_events([b"{no JSON"], "events.jsonl"))
    sealed()
    land(5, PEOPLE)
    assert check(warehouse, key.verification, outside).rows == {"records": PEOPLE, "quarantine": 1}


@pytest.fixture
def begun_long_ago(owner: Connection, land: Land, sealed: Seal, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """As `superuser`, of a log whose first 300 leaves are of the first edition."""
    newest = logs.Log.leaf
    with monkeypatch.context() as patch:
        patch.setattr(logs.Log, "leaf", lambda log, _: newest(log, 1))
        land(300)
        owner.execute("delete from evidence.landed")
        sealed()
    land(300, 300)
    sealed()
    owner.execute("alter table raw.records disable trigger refuse_change")
    return owner


def test_leaves_of_the_first_edition_hold_beside_those_of_today(begun_long_ago: Connection, checked: Check) -> None:
    assert checked() == []
    old, new = edit(begun_long_ago, "7"), edit(begun_long_ago, "470")
    assert rows(checked()) == {(ALTERED, (old, new))}


@pytest.mark.parametrize("row", [7, 470])
def test_a_changed_field_is_named_in_either_edition(begun_long_ago: Connection, checked: Check, row: int) -> None:
    begun_long_ago.execute("update raw.records set source_id = 'other' where record_id = %s", (row,))
    assert rows(checked()) == {(ALTERED, (row,))}


def test_an_edited_payload_is_named(superuser: Connection, checked: Check) -> None:
    superuser.execute("update raw.records set payload = payload || '{\"type\": \"login\"}' where source_id = '7'")
    assert rows(checked()) == {("whose content has another digest", (record_of(superuser, "7"),))}


def test_an_edited_payload_with_a_digest_that_fits_is_named(superuser: Connection, checked: Check) -> None:
    assert rows(checked()) == set()
    number = edit(superuser, "307")
    assert rows(checked()) == {("not as they were sealed", (number,))}


@pytest.mark.parametrize(
    "change",
    [
        "received_at = received_at - interval '1 microsecond'",
        "source = 'crm'",
        "batch = ''",
        "broken_reason = 'x'",
        "is_excerpt = true",
        "salt = gen_random_uuid()",
        "source_id = '12 '",
    ],
)
def test_an_edited_field_beside_the_payload_is_named(superuser: Connection, checked: Check, change: str) -> None:
    number = record_of(superuser, "12")
    superuser.execute(f"update raw.records set {change} where record_id = %s".encode(), (number,))
    assert rows(checked()) == {("not as they were sealed", (number,))}


def test_what_was_changed_after_it_landed_and_before_its_seal_is_named(
    superuser: Connection, land: Land, sealed: Seal, checked: Check
) -> None:
    land(1, PEOPLE)
    number = edit(superuser, str(PEOPLE))
    sealed()
    assert rows(checked()) == {(ALTERED, (number,))}


def test_a_row_taken_away_after_it_landed_and_before_its_seal_is_named(
    superuser: Connection, land: Land, sealed: Seal, checked: Check
) -> None:
    land(3, PEOPLE)
    numbers = tuple(record_of(superuser, str(PEOPLE + place)) for place in (1, 2))
    superuser.execute("delete from raw.records where record_id = any(%s)", (list(numbers),))
    assert sealed()[0].added == 3
    assert rows(checked()) == {(TAKEN_AWAY, numbers)}


def test_a_row_with_an_old_date_and_a_leaf_of_its_own_is_named(
    superuser: Connection, sealed: Seal, checked: Check
) -> None:
    """Landing itself is imitated: the leaf fits the row, and claims to be of today."""
    number = slipped_in(superuser)
    ((_, hashes),) = logs.leaves(superuser, logs.RECORDS, number - 1, number)
    superuser.execute(
        "insert into evidence.landed (first_id, last_id, received_from, hashes) values (%s, %s, now(), %s)",
        (number, number, hashes),
    )
    assert sealed()[0].added == 1
    assert rows(checked()) == {(BACKDATED, (number,))}


def test_a_deleted_row_is_named(superuser: Connection, checked: Check) -> None:
    numbers = tuple(record_of(superuser, source_id) for source_id in ("0", "255", "256", "599"))
    superuser.execute("delete from raw.records where record_id = any(%s)", (list(numbers),))
    assert rows(checked()) == {("taken away", numbers)}


def test_a_row_inserted_with_an_old_date_is_named_and_never_sealed(
    superuser: Connection, land: Land, sealed: Seal, checked: Check
) -> None:
    number = slipped_in(superuser)
    assert rows(checked()) == {("slipped in with an old date", (number,))}
    land(3, PEOPLE)
    assert sealed()[0].added == 3
    assert {numbers for _, numbers in rows(checked())} == {(number,)}


def test_a_row_inserted_among_those_that_were_sealed_is_named(superuser: Connection, checked: Check) -> None:
    number = record_of(superuser, "40")
    superuser.execute("delete from raw.records where record_id = %s", (number,))
    superuser.execute(
        "insert into raw.records (record_id, source, object, source_id, received_at, digest, payload)"
        " overriding system value"
        " select %s, source, object, 'new', received_at, digest, payload from raw.records where source_id = '3'",
        (number,),
    )
    superuser.execute(
        "insert into raw.records (record_id, source, object, source_id, received_at, digest, payload)"
        " overriding system value"
        " select 0, source, object, 'newer', now(), digest, payload from raw.records where source_id = '3'"
    )
    found = rows(checked())
    assert ("not as they were sealed", (number,)) in found
    superuser.execute("update raw.records set record_id = default where record_id = 0")
    assert rows(checked()) == {("not as they were sealed", (number,))}


def test_a_replaced_head_is_named(superuser: Connection, sealed: Seal, checked: Check, key: SigningKey) -> None:
    superuser.execute("update evidence.heads set note = replace(note, '300', '301') where head_id = 1")
    assert [finding.told for finding in checked()] == [
        "records: head 1 was replaced: its signature does not fit its text"
    ]
    superuser.execute("update evidence.heads set note = replace(note, '301', '300') where head_id = 1")
    assert checked() == []
    other = SigningKey.generated("optkeeper-test")
    superuser.execute(
        "update evidence.heads set note = %s where head_id = 1", (other.signed("optkeeper-test/records\n"),)
    )
    assert "is not signed by" in checked()[0].told
    superuser.execute(
        "update evidence.heads set note = (select note from evidence.heads where head_id = 3) where head_id = 1"
    )
    assert {finding.what for finding in checked()} == {"head 3 was replaced: it stands behind a later one"}


def test_a_head_that_was_taken_away_is_told_by_the_one_outside(superuser: Connection, checked: Check) -> None:
    superuser.execute("delete from evidence.heads where head_id = 3")
    told = [finding.told for finding in checked()]
    assert "records: the head outside has 600 leaves, more than the warehouse" in told


def test_a_log_made_anew_from_edited_rows_is_told_and_the_rows_named(
    superuser: Connection, sealed: Seal, checked: Check
) -> None:
    numbers = (edit(superuser, "5"), edit(superuser, "500"))
    world.seal(superuser)
    found = checked()
    assert rows(found) == {("whose leaf outside the warehouse is another", numbers)}
    assert any("head 1, of 300 leaves, has another root" in finding.what for finding in found)
    assert any("the head outside, of 600 leaves, has another root" in finding.what for finding in found)
    with pytest.raises(LogBroken, match="has another root than the log in the warehouse"):
        sealed()


def test_a_log_made_anew_without_some_rows_and_heads_is_told(
    superuser: Connection, sealed: Seal, checked: Check
) -> None:
    superuser.execute("delete from raw.records where source_id = '599'")
    superuser.execute("delete from evidence.heads")
    world.seal(superuser)
    told = [finding.told for finding in checked()]
    assert "records: 1 leaves stand outside the warehouse and no longer in it" in told
    with pytest.raises(LogBroken, match="the head outside has 600 leaves, the warehouse 0"):
        sealed()


@pytest.mark.parametrize(("level", "told"), [(0, "not as they were sealed: {}"), (1, "has another root")])
def test_a_changed_tile_is_told(superuser: Connection, checked: Check, level: int, told: str) -> None:
    superuser.execute(
        "update evidence.tiles set hashes = set_byte(hashes, 40, (get_byte(hashes, 40) + 1) %% 256)"
        " where log = 'records' and level = %s and tile = 0",
        (level,),
    )
    found = " ".join(finding.told for finding in checked())
    assert "its tiles are not those of 600 leaves" in found
    assert told.format(record_of(superuser, "1")) in found


def test_a_missing_tile_is_told(superuser: Connection, checked: Check) -> None:
    superuser.execute("delete from evidence.tiles where log = 'records' and level = 0 and tile = 1")
    told = " ".join(finding.told for finding in checked())
    assert "tile 1 of level 0 is missing" in told


def test_a_lawful_erasure_leaves_the_tree_whole_and_nothing_of_the_row(
    superuser: Connection, warehouse: Connection, land: Land, sealed: Seal, checked: Check, key: SigningKey
) -> None:
    superuser.execute("alter table raw.records enable trigger refuse_change")
    numbers = [record_of(superuser, "9"), record_of(superuser, "444")]
    kept = superuser.execute(
        "select encode(digest, 'hex'), encode(uuid_send(salt), 'hex') from raw.records where record_id = any(%s)",
        (numbers,),
    ).fetchall()
    assert erase(warehouse, key, logs.RECORDS, numbers, "R37: the last basis ended 30 days ago") == 2
    assert checked() == []
    land(4, PEOPLE)
    sealed()
    assert checked() == []
    everything = " ".join(
        str(row[0])
        for table in ("raw.records", "evidence.tiles", "evidence.heads", "evidence.erasures")
        for row in superuser.execute(f"select cast(t as text) from {table} as t".encode()).fetchall()
    )
    assert "p9@x.example" not in everything
    assert all(secret not in everything for row in kept for secret in row)
    assert tiles.leaf_of(warehouse, "records", numbers[0]) == 9


def test_rows_that_were_taken_away_with_a_forged_note_of_erasure_are_named(
    superuser: Connection, checked: Check
) -> None:
    number = record_of(superuser, "9")
    forged = SigningKey.generated("optkeeper-test").signed("optkeeper erasure 1\noptkeeper-test/records\nx\nlaw\n9\n")
    superuser.execute("select evidence.erase('records', %s, %s)", ([number], forged))
    assert [finding.told for finding in checked()] == [
        "records: the note of erasure 1 is not signed by the key",
        f"records: 1 taken away: {number}",
    ]


def test_only_what_is_sealed_is_erased_and_with_a_ground(
    warehouse: Connection, land: Land, sealed: Seal, key: SigningKey
) -> None:
    land(2)
    with pytest.raises(NotSealed, match="not sealed yet: 1"):
        erase(warehouse, key, logs.RECORDS, [1], "law")
    sealed()
    with pytest.raises(ValueError, match="an erasure has a ground"):
        erase(warehouse, key, logs.RECORDS, [1], " ")


def test_the_verification_key_of_another_finds_every_head_replaced(
    superuser: Connection, warehouse: Connection, outside: Destination, tmp_path: Path
) -> None:
    with pytest.raises(EvidenceAltered, match="head 1 was replaced"):
        check(warehouse, SigningKey.generated("optkeeper-test").verification, outside)
