"""RFC 9162, section 2.1: hashes and proofs, on the tree that RFC 6962's implementations share, and on every small tree."""

import hashlib

import pytest
from optkeeper.evidence import merkle
from optkeeper.evidence.merkle import ProofRejected

# The leaves and roots that the reference implementations of certificate transparency test with.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: list[bytes]) -> bytes:
    """The RFC's definition, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def reader(leaves: list[bytes]) -> merkle.Reader:
    return lambda level, index: naive_root(leaves[index << level : (index + 1) << level])


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_the_reference_trees(size: int) -> None:
    assert merkle.root(reader(LEAVES), size).hex() == ROOTS[size]


def test_the_proofs_are_those_of_the_reference_tree() -> None:
    read = reader(LEAVES)
    assert [one.hex() for one in merkle.inclusion_proof(read, 0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [one.hex() for one in merkle.consistency_proof(read, 6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_proof_of_every_small_tree_holds_and_no_changed_one_does() -> None:
    leaves = [bytes([number]) for number in range(18)]
    read = reader(leaves)
    for size in range(1, len(leaves) + 1):
        root = naive_root(leaves[:size])
        for index in range(size):
            path = merkle.inclusion_proof(read, index, size)
            leaf = merkle.leaf_hash(leaves[index])
            merkle.verify_inclusion(leaf, index, size, path, root)
            for changed in ([*path, b"\0" * 32], path[:-1], [b"\0" * 32, *path[1:]]):
                if changed != path:
                    with pytest.raises(ProofRejected):
                        merkle.verify_inclusion(leaf, index, size, changed, root)
            with pytest.raises(ProofRejected):
                merkle.verify_inclusion(merkle.leaf_hash(b"other"), index, size, path, root)
        for first in range(1, size + 1):
            path = merkle.consistency_proof(read, first, size)
            old = naive_root(leaves[:first])
            merkle.verify_consistency(first, size, path, old, root)
            for changed in ([*path, b"\0" * 32], path[:-1]):
                if changed != path:
                    with pytest.raises(ProofRejected):
                        merkle.verify_consistency(first, size, changed, old, root)
            with pytest.raises(ProofRejected):
                merkle.verify_consistency(first, size, path, b"\1" * 32, root)


def test_a_leaf_beyond_the_tree_has_no_proof() -> None:
    with pytest.raises(ValueError, match="has no leaf 8"):
        merkle.inclusion_proof(reader(LEAVES), 8, 8)
    with pytest.raises(ProofRejected):
        merkle.verify_inclusion(b"", 8, 8, [], b"")
    with pytest.raises(ValueError, match="no proof from 0"):
        merkle.consistency_proof(reader(LEAVES), 0, 8)
