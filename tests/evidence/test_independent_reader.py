"""A reader that is not ours takes the heads and proofs as C2SP and RFC 9162 mean them: a witness, as tlog-witness says.

It checks a head's signature and that the head before it is its beginning, and only then cosigns it.
"""

import base64
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from optkeeper.evidence import merkle
from optkeeper.evidence.checkpoint import Head, SigningKey
from witness_log import WitnessService, verify_inclusion

from tests.evidence.test_merkle import reader

# the name by which a witness knows a log is the origin of its heads
KEY = SigningKey.generated("optkeeper-test/records")
SIZES = (1, 2, 3, 7, 8, 21, 40)
LEAVES = [f"leaf {number}".encode() for number in range(SIZES[-1])]
READ = reader(LEAVES)
ACCEPTED, CONFLICT, UNPROVEN = 200, 409, 422

Asked = Callable[[str, int, list[bytes]], int]


def _head(size: int, key: SigningKey = KEY, root: bytes | None = None) -> str:
    return Head(KEY.name, size, root or merkle.root(READ, size), datetime(2026, 11, 28, tzinfo=UTC)).signed(key)


@pytest.fixture
def asked() -> Asked:
    """Shows a witness a head, with the size that it saw before and the proof between them; answers its status."""
    witness = WitnessService.new("witness.example/w1", bytes(32))
    assert witness.add_log(KEY.name, KEY.verification.text)

    def ask(note: str, before: int, proof: list[bytes]) -> int:
        lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in proof)
        status, _ = witness.handle_add_checkpoint(f"old {before}\n{lines}\n{note}")
        return status

    return ask


def test_a_witness_follows_the_log_from_head_to_head(asked: Asked) -> None:
    before = 0
    for size in SIZES:
        proof = merkle.consistency_proof(READ, before, size) if before else []
        assert asked(_head(size), before, proof) == ACCEPTED, size
        before = size


def test_a_witness_takes_no_other_history_and_no_other_key(asked: Asked) -> None:
    assert asked(_head(8), 0, []) == ACCEPTED
    proof = merkle.consistency_proof(READ, 8, 21)
    other = reader([b"another", *LEAVES[1:]])
    assert asked(_head(21, root=merkle.root(other, 21)), 8, proof) == UNPROVEN
    assert asked(_head(21), 8, [*proof[:-1], bytes(32)]) == UNPROVEN
    assert asked(_head(21), 7, merkle.consistency_proof(READ, 7, 21)) == CONFLICT
    assert asked(_head(21, SigningKey.generated(KEY.name)), 8, proof) not in (ACCEPTED, UNPROVEN)
    assert asked(_head(21), 8, proof) == ACCEPTED


@pytest.mark.parametrize("size", SIZES)
def test_each_leaf_is_found_in_the_tree_by_its_path(size: int) -> None:
    root = merkle.root(READ, size).hex()
    for index in range(size):
        leaf = merkle.leaf_hash(LEAVES[index]).hex()
        path = [one.hex() for one in merkle.inclusion_proof(READ, index, size)]
        assert verify_inclusion(leaf, index, size, path, root)
        assert not verify_inclusion(merkle.leaf_hash(b"another").hex(), index, size, path, root)
