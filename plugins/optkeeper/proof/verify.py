"""The check of a dossier by whoever holds it: offline, with the verification key, and without trust in the file."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from optkeeper.evidence import logs, merkle
from optkeeper.evidence.checkpoint import Head, HeadRejected, VerificationKey
from optkeeper.landing import document
from optkeeper.proof import dossier as dossiers


class DossierAltered(Exception):
    """A dossier is not what was signed; the text names what does not fit."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found to hold: so many records stand in a log of so many leaves, sealed until a moment."""

    records: int
    unsealed: int
    leaves: int
    received_until: datetime | None


def verify(octets: bytes, key: VerificationKey) -> Verified:
    """Checks spelling, signature, head, and every record's content, leaf and place in the log.

    Raises:
        DossierAltered: something does not fit; everything that does not is named.
    """
    try:
        dossier = dossiers.read(octets)
    except dossiers.DossierRejected as problem:
        raise DossierAltered(str(problem)) from None
    problems = [*_signature(dossier, key)]
    head = None
    try:
        if dossier.get("head") is not None:
            head = Head.opened(dossier["head"], key, logs.RECORDS.origin(key.name))
    except (HeadRejected, AttributeError) as problem:
        problems.append(f"head: {problem}")
    records = dossier.get("records")
    unsealed = 0
    for record in records if isinstance(records, list) else ():
        unsealed += isinstance(record, Mapping) and record.get("leaf") is None
        problems += _record(record, head)
    problems += _named(dossier)
    if problems:
        raise DossierAltered("; ".join(problems))
    return Verified(len(dossier["records"]), unsealed, head.size if head else 0, head.received_until if head else None)


def _signature(dossier: Mapping[str, Any], key: VerificationKey) -> Iterator[str]:
    try:
        if key.opened(str(dossier.get("signature"))) != dossiers.statement(dossier):
            yield "signature: it is of another content"
    except HeadRejected as problem:
        yield f"signature: {problem}"


def _record(record: Any, head: Head | None) -> Iterator[str]:
    """What does not fit of one record."""
    try:
        number = record["record_id"]
        name = f"record {number}"
        if document.digest(record["payload"]).hex() != record["digest"]:
            yield f"{name}: its content has another digest"
        if record["leaf"] is None:
            return
        if head is None:
            yield f"{name}: it claims a leaf, and there is no head"
            return
        row = {**record, "received_at": datetime.fromisoformat(record["received_at"])}
        path = [base64.b64decode(step, validate=True) for step in record["inclusion"]]
        problems = [
            _unproven(logs.leaf_data(logs.RECORDS, row, UUID(record["salt"]), edition), record["leaf"], path, head)
            for edition in logs.EDITIONS
        ]
        if None not in problems:
            yield f"{name}: {problems[0]}"
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, document.MalformedDocument):
        yield "a record lacks what its leaf is made of"


def _unproven(data: bytes, leaf: int, path: Sequence[bytes], head: Head) -> str | None:
    """Why a leaf of these data does not stand in the log; none where it does."""
    try:
        merkle.verify_inclusion(merkle.leaf_hash(data), leaf, head.size, path, head.root)
    except merkle.ProofRejected as problem:
        return str(problem)
    return None


def _named(dossier: Mapping[str, Any]) -> Iterator[str]:
    """Every event of the dossier has its record in it."""
    try:
        held = {record["record_id"] for record in dossier["records"]}
        events = [*dossier["consents"], *dossier["other_bases"], *dossier["events"]]
        missing = sorted({event["record_id"] for event in events} - held)
    except (KeyError, TypeError):
        yield "it lacks a part that every dossier has"
        return
    if missing:
        yield f"records: {', '.join(map(str, missing))} of its events are not in it"
