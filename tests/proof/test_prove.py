"""R39: a dossier of one person alone, from the worked examples, that whoever holds it can check."""

import base64
import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyshacl
import pytest
import rdflib
from optkeeper import cli, steps
from optkeeper.delivery.storage import opened
from optkeeper.evidence import keys, logs, merkle
from optkeeper.evidence.checkpoint import Head
from optkeeper.evidence.seal import seal
from optkeeper.landing import document
from optkeeper.proof import dossier as dossiers
from optkeeper.proof.verify import DossierAltered, verify
from optkeeper.status import decisions
from optkeeper.status.words import RULES_OF_BASES, RULES_OF_REASONS
from optkeeper.warehouse import database

from tests.scenarios.published import publish

CHECKOUT = Path(__file__).parents[2]
SHAPES = Path(__file__).with_name("shapes.ttl")
AS_OF = datetime(2025, 6, 1, 10, tzinfo=UTC)
Dossier = dict[str, Any]
Prove = Callable[..., Dossier]


# of the second of two who share an address it is said, before he withdraws there, that he has left
LEFT = {
    "event_id": "shared-address-left", "source": "crm", "type": "contact_left_company",
    "occurred_at": "2025-02-03T10:00:00+01:00", "received_at": "2025-02-03T10:01:00+01:00",
    "contact": {"email": "familie@gezin.example", "source_contact_id": "SID-shared-address-2"},
}  # fmt: skip

# mails to one person, which all tell the same of her
MAILS = [
    {
        "event_id": f"mail-{number}", "source": "esp", "type": "email_opened" if number % 2 else "email_delivered",
        "occurred_at": f"2025-03-{number:02}T09:00:00Z", "received_at": f"2025-03-{number:02}T09:01:00Z",
        "contact": {"email": "anna@read-mails.example"},
    }
    for number in range(1, 9)
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def published(server: Path, home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A warehouse with the worked examples, sealed."""
    address = publish(server, "proof", tmp_path_factory.mktemp("proof"), AS_OF, [LEFT, *MAILS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPTKEEPER_HOME", str(home))
        with database.connect(address) as connection, opened((home / "outside").as_uri()) as outside:
            seal(connection, keys.signing_key(), outside)
    return address


@pytest.fixture
def prove(
    published: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Prove:
    """Makes a dossier as the command line does; answers what stands in it."""
    monkeypatch.setenv("OPTKEEPER_HOME", str(home))
    monkeypatch.setenv("OPTKEEPER_WAREHOUSE_URL", published)

    def run(*arguments: str) -> Dossier:
        assert cli.main(["proof", *arguments, "--out", str(tmp_path), "--lang", "en"]) == 0, capsys.readouterr().err
        assert capsys.readouterr().out.splitlines()[-1].startswith("verified: ")
        dossier: Dossier = json.loads((tmp_path / "dossier.json").read_bytes())
        return dossier

    return run


def scope(dossier: Dossier, purpose: str, moment: int = -1) -> Dossier:
    [found] = [
        one for one in dossier["decisions"][moment]["scopes"] if one["purpose"] == purpose and one["brand"] == "noord"
    ]
    return dict(found)


def test_a_withdrawal_tells_consent_text_evidence_and_decision(prove: Prove) -> None:
    dossier = prove("anna@own-form-after-withdrawal.example")
    assert [one["dpv:hasConsentStatus"]["@id"] for one in dossier["consents"]] == [
        "dpv:ConsentGiven", "dpv:ConsentWithdrawn", "dpv:ConsentGiven",
    ]  # fmt: skip
    given = dossier["consents"][0]
    assert given["dct:conformsTo"] == "https://w3id.org/dpv/schema/iso-27560"
    assert given["dpv:hasNotice"]["text_as_shown"].startswith("Ja")
    assert given["evidence"]["form_url"]
    assert scope(dossier, "newsletter")["reason"] == "ok"
    assert scope(dossier, "newsletter")["because"].startswith("The person consented")
    assert {one["source"] for one in dossier["sources"]} >= {given["source"]}
    held = {record["record_id"] for record in dossier["records"]}
    assert {one["record_id"] for one in dossier["consents"]} <= held
    assert all(record["leaf"] is not None for record in dossier["records"])


@pytest.mark.parametrize("asked", [(), ("--as-of", "2025-05-31T10:00:00Z")])
def test_every_mail_is_told_although_few_decide_for_all(prove: Prove, published: str, asked: tuple[str, ...]) -> None:
    dossier = prove("anna@read-mails.example", *asked)
    mails = {one["event"]: one for one in dossier["events"] if one["event"].startswith("esp/mail-")}
    assert set(mails) == {f"esp/{mail['event_id']}" for mail in MAILS}
    assert {one["event_type"] for one in mails.values()} == {"email_delivered", "email_opened"}
    assert [one["occurred_at"][:10] for one in mails.values()] == [f"2025-03-{number:02}" for number in range(1, 9)]
    assert {one["record_id"] for one in mails.values()} <= {record["record_id"] for record in dossier["records"]}
    with database.connect(published) as connection:
        known = connection.execute(
            "select count(*) from intermediate.int_events__judged where event_key like 'esp/mail-%'"
        )
        assert known.fetchone() == (2,)


def test_it_is_linked_data_in_the_terms_of_dpv_and_the_structure_of_ts_27560(prove: Prove) -> None:
    dossier = prove("anna@own-form-after-withdrawal.example")
    graph = rdflib.Graph().parse(data=json.dumps(dossier), format="json-ld")
    shapes = rdflib.Graph().parse(SHAPES)
    holds, _, told = pyshacl.validate(graph, shacl_graph=shapes)
    assert holds, told
    dpv = rdflib.Namespace("https://w3id.org/dpv#")
    assert len(list(graph.subjects(rdflib.RDF.type, dpv.ConsentRecord))) == 3
    for broken in ("dpv:hasNotice", "dpv:hasProcess", "dpv:hasConsentStatus", "dct:identifier"):
        spoiled = json.loads(json.dumps(dossier))
        del spoiled["consents"][0][broken]
        graph = rdflib.Graph().parse(data=json.dumps(spoiled), format="json-ld")
        assert not pyshacl.validate(graph, shacl_graph=shapes)[0], broken


def test_one_that_is_unknown_gives_linked_data_too(prove: Prove) -> None:
    graph = rdflib.Graph().parse(data=json.dumps(prove("nobody@nowhere.example")), format="json-ld")
    holds, _, told = pyshacl.validate(graph, shacl_graph=rdflib.Graph().parse(SHAPES))
    assert holds, told


def test_what_was_decided_then_stands_beside_what_is_known_now(prove: Prove) -> None:
    dossier = prove("anna@vendor-after-withdrawal.example", "--as-of", "2024-03-02T10:00+01:00")
    assert [one["as_of"][:10] for one in dossier["decisions"]] == ["2024-03-02", "2024-03-02", "2025-06-01"]
    assert scope(dossier, "newsletter")["reason"] == "withdrawn"


def test_today_is_told_alike_by_the_build_that_stands_and_by_a_world_of_its_own(
    prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("anna@own-form-after-withdrawal.example", "anna@soft-opt-in.example", "anna@recall.example"):
        standing = prove(address)
        with monkeypatch.context() as patch:
            patch.setattr(decisions, "stands", lambda _: False)
            built = prove(address)
        for dossier in (standing, built):
            for name in ("@id", "dct:created", "signature"):
                del dossier[name]
        assert standing == built


def test_of_one_that_was_never_there_nothing_was_found(prove: Prove) -> None:
    dossier = prove("nobody@nowhere.example")
    assert dossier["dpv:hasDataSubject"]["is_known"] is False
    assert dossier["not_found"] == ["Nothing was found of this address."]
    assert dossier["records"] == []
    assert dossier["head"]


def test_who_looked_at_whom_is_recorded_without_naming_whom(prove: Prove, published: str) -> None:
    dossier = prove("anna@soft-opt-in.example", "--because", "a letter of 12 May", "--person", "p.officer")
    again = prove("ANNA@soft-opt-in.example")
    with database.connect(published) as connection:
        rows = connection.execute(
            "select dossier_id, made_by, because, subject_digest, cast(dossiers as text) from evidence.dossiers as dossiers"
            " where dossier_id = any(%s) order by made_at", ([dossier["@id"], again["@id"]],)
        ).fetchall()  # fmt: skip
    assert rows[0][:3] == (dossier["@id"], "p.officer", "a letter of 12 May")
    assert rows[0][3] == rows[1][3]
    assert "anna" not in rows[0][4]


def test_of_others_on_a_shared_address_nothing_is_told(prove: Prove, published: str) -> None:
    with database.connect(published) as connection:
        shared = connection.execute(
            "select address, array_agg(distinct contact_id) from marts.contact_points"
            " group by address having count(distinct contact_id) > 1"
        ).fetchall()
        assert shared
        for address, contacts in shared:
            for contact in contacts:
                dossier = json.dumps(prove(contact))
                for other in set(contacts) - {contact}:
                    assert other not in dossier
                    others = connection.execute(
                        "select address from marts.contact_points where contact_id = %s and address <> %s"
                        " union select event_key from marts.consent_events where contact_id = %s",
                        (other, address, other),
                    ).fetchall()
                    for (named,) in others:
                        if not connection.execute(
                            "select from marts.contact_points where contact_id = %s and address = %s"
                            " union select from marts.consent_events where contact_id = %s and event_key = %s",
                            (contact, named, contact, named),
                        ).fetchone():
                            assert json.dumps(named) not in dossier, "a record of another"
                    for (moment,) in connection.execute(
                        "select occurred_at from marts.consent_events where contact_id = %s and occurred_at is not null"
                        " except select unnest(array[occurred_at, received_at]) from marts.consent_events"
                        " where contact_id = %s",
                        (other, contact),
                    ).fetchall():
                        assert moment.isoformat() not in dossier, "when another did something"


def test_what_another_put_on_a_shared_address_is_withheld_with_its_moment(prove: Prove, published: str) -> None:
    by_another = (
        "select distinct intervals.contact_id, intervals.address, intervals.reason, intervals.valid_from, reasons.kind"
        " from intermediate.int_timeline__intervals as intervals"
        " inner join registry.reasons as reasons using (reason)"
        " where not exists (select from intermediate.int_identity__resolved as resolved"
        " where resolved.event_key = intervals.stands_by and resolved.contact_id = intervals.contact_id)"
        " and exists (select from intermediate.int_identity__resolved as resolved"
        " where resolved.event_key = intervals.stands_by and resolved.contact_id is not null)"
    )
    with database.connect(published) as connection:
        found = connection.execute(by_another).fetchall()
    assert {kind for *_, kind in found} == {"restriction", "block"}
    for contact, address, reason, since, _ in found:
        told = [one for one in prove(contact)["timeline"] if one["address"] == address]
        assert not [one for one in told if one["reason"] == reason and one["valid_from"] == since.isoformat()]
        withheld = [one for one in told if one["reason"] == "withheld"]
        assert withheld
        for one in withheld:
            assert {one[end] for end in one.get("untold", ())} <= {None}


def test_an_address_of_several_asks_whose_dossier_is_meant(
    prove: Prove, published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.connect(published) as connection:
        row = connection.execute(
            "select address, array_agg(distinct contact_id) from marts.contact_points where not is_role_address"
            " and channel <> 'post' group by address having count(distinct contact_id) > 1 order by 1 limit 1"
        ).fetchone()
    assert row is not None
    assert cli.main(["proof", row[0], "--out", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "contacts carry this address; ask for the dossier of one by its id" in told
    assert all(contact in told for contact in row[1])
    assert row[0] not in told


def test_a_request_is_answered_by_its_dossier(
    prove: Prove, published: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["proof-requests"]
    assert cli.main([*run, "add", "anna@soft-opt-in.example"]) == 0
    number = capsys.readouterr().out.split()[1]
    assert cli.main([*run, "answer", number, "--out", str(tmp_path), "--person", "a.jansen"]) == 0
    dossier = json.loads((tmp_path / "dossier.json").read_bytes())
    assert dossier["asked"] == {"subject": "anna@soft-opt-in.example", "because": f"proof request {number}"}
    with database.connect(published) as connection:
        answered = connection.execute(
            "select taken_by, told from evidence.proof_request_steps where request_id = %s", (int(number),)
        ).fetchall()
    assert answered == [("a.jansen", dossier["@id"])]


def test_a_run_answers_a_request_once_however_often_it_is_tried(
    prove: Prove, published: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["proof-requests", "add", "anna@soft-opt-in.example"]) == 0
    number = int(capsys.readouterr().out.split()[1])

    def run(began: datetime) -> dict[str, Any]:
        return steps.answer_proof_request(number, as_of=None, language="en", person="p.officer", began=began)

    began = datetime(2025, 6, 1, 12, tzinfo=UTC)
    told = run(began)
    assert told == {
        "request": number,
        "page": f"/optkeeper/dossiers/{number}/20250601T120000Z/dossier.pdf",
    }
    assert run(began) == told
    folder = home / "dossiers" / str(number)
    dossier = json.loads((folder / "20250601T120000Z" / "dossier.json").read_bytes())
    assert (folder / "20250601T120000Z" / "dossier.pdf").read_bytes().startswith(b"%PDF")
    assert "anna" not in json.dumps(told)
    again = run(began + timedelta(hours=1))
    assert again["page"] != told["page"]
    with database.connect(published) as connection:
        answered = connection.execute(
            "select taken_by, told from evidence.proof_request_steps where request_id = %s order by taken_at", (number,)
        ).fetchall()
    assert answered[0] == ("p.officer", dossier["@id"])
    assert len(answered) == 2


def test_what_a_vendor_took_back_is_told_though_the_recall_names_nobody(prove: Prove) -> None:
    dossier = prove("anna@recall.example")
    [recall] = [one for one in dossier["consents"] if one["event_type"] == "consent_revoked"]
    assert recall["refers_to_batch"] == "LC-recall"
    assert {record["record_id"] for record in dossier["records"]} >= {recall["record_id"]}
    found = scope(dossier, "newsletter")
    assert (found["reason"], found["rules"]) == ("revoked", ["R32"])
    assert "bas@recall.example" not in json.dumps(dossier)


def test_each_decision_names_the_rules_that_give_it(prove: Prove) -> None:
    assert scope(prove("anna@own-form-after-withdrawal.example"), "newsletter")["rules"] == ["R2", "R11", "R12"]
    known = {row["rule"] for row in csv.DictReader((CHECKOUT / "docs/rules.csv").open(encoding="utf-8"))}
    for rules in (*RULES_OF_REASONS.values(), *RULES_OF_BASES.values()):
        assert rules
        assert set(rules) <= known


@pytest.fixture
def made(prove: Prove, tmp_path: Path) -> bytes:
    prove("anna@own-form-after-withdrawal.example")
    return (tmp_path / "dossier.json").read_bytes()


def test_any_changed_octet_is_rejected(made: bytes, home: Path) -> None:
    key = keys.signing_key().verification
    assert verify(made, key).records == 3
    step = max(1, len(made) // 1500)
    for place in range(0, len(made), step):
        for bit in (0, 5):
            changed = bytearray(made)
            changed[place] ^= 1 << bit
            with pytest.raises(DossierAltered):
                verify(bytes(changed), key)
    for changed in (made + b" ", made[:-1], b"", b"[]\n", b"{}\n"):
        with pytest.raises(DossierAltered):
            verify(changed, key)


def resigned(dossier: Dossier) -> bytes:
    """The dossier with a signature that fits, as only the holder of the key could write it."""
    dossier.pop("signature", None)
    return dossiers.signed(dossier, keys.signing_key())


def test_what_does_not_fit_is_named(made: bytes) -> None:
    key = keys.signing_key().verification
    dossier = document.decode_strictly(made)
    number = dossier["records"][1]["record_id"]
    dossier["records"][1]["payload"]["contact"]["email"] = "other@x.example"
    with pytest.raises(DossierAltered, match="signature: it is of another content; record"):
        verify(dossiers.spelled(dossier), key)
    with pytest.raises(DossierAltered, match=f"^record {number}: its content has another digest$"):
        verify(resigned(dossier), key)
    dossier["records"][1]["digest"] = document.digest(dossier["records"][1]["payload"]).hex()
    with pytest.raises(DossierAltered, match=f"^record {number}: the inclusion proof leads to another root$"):
        verify(resigned(dossier), key)
    del dossier["records"][1]
    with pytest.raises(DossierAltered, match=f"^records: {number} of its events are not in it$"):
        verify(resigned(dossier), key)
    dossier["head"] = dossier["head"].replace("\n", "\n1", 1)
    with pytest.raises(DossierAltered, match="head: its signature does not fit its text"):
        verify(resigned(dossier), key)


def test_records_whose_leaves_are_of_the_first_edition_are_verified_too(made: bytes) -> None:
    key = keys.signing_key()
    dossier = document.decode_strictly(made)
    hashes = []
    for record in dossier["records"]:
        row = record | {"received_at": datetime.fromisoformat(record["received_at"])}
        hashes.append(merkle.leaf_hash(logs.leaf_data(logs.RECORDS, row, UUID(record["salt"]), 1)))
    assert len(hashes) == 3
    first, second, third = hashes
    pair = merkle.node_hash(first, second)
    for leaf, (record, path) in enumerate(
        zip(dossier["records"], [[second, third], [first, third], [pair]], strict=True)
    ):
        record |= {"leaf": leaf, "inclusion": [base64.b64encode(step).decode() for step in path]}
    root = merkle.node_hash(pair, third)
    head = Head(logs.RECORDS.origin(key.verification.name), 3, root, datetime(2026, 1, 1, tzinfo=UTC))
    dossier["head"] = head.signed(key)
    assert verify(resigned(dossier), key.verification).records == 3
    dossier["records"][2]["source_id"] = "another"
    with pytest.raises(DossierAltered, match="the inclusion proof leads to another root"):
        verify(resigned(dossier), key.verification)


def test_a_dossier_is_verified_elsewhere_by_a_key_that_is_given(made: bytes, tmp_path: Path) -> None:
    path, key_file, other = tmp_path / "dossier.json", tmp_path / "key", tmp_path / "other"
    key_file.write_text(keys.signing_key().verification.text + "\n")
    from optkeeper.evidence.checkpoint import SigningKey

    other.write_text(SigningKey.generated(keys.signing_key().name).verification.text)
    environment = {
        **os.environ,
        "OPTKEEPER_HOME": str(tmp_path / "elsewhere"),
        "OPTKEEPER_WAREHOUSE_URL": "postgresql://nowhere/",
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "optkeeper.cli", "verify", str(path), *arguments],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = run("--key", str(key_file))
    assert (good.returncode, good.stdout.startswith("verified: 3 records")) == (0, True)
    bad = run("--key", str(other))
    assert bad.returncode == 1
    assert "signature: it is not signed by" in bad.stderr
    none = run()
    assert none.returncode == 1
    assert "name the file of the verification key" in none.stderr
