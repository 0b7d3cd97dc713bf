"""The Merkle tree of RFC 9162, section 2.1: hashes, proofs, and their verification.

A tree is read through a `Reader`, which gives the hash of a complete subtree: `reader(level, index)` is the hash of the
2**level leaves from leaf index * 2**level on. So a proof reads some dozens of hashes, whatever the size of the tree.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from struct import Struct

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

_PAIRS = Struct(f"{2 * HASH_BYTES}s")

Reader = Callable[[int, int], bytes]


class ProofRejected(Exception):
    """A proof does not lead to the hash that it should lead to."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root(reader: Reader, size: int) -> bytes:
    """The hash of the tree of the first `size` leaves."""
    return _subtree(reader, 0, size) if size else EMPTY_ROOT


def inclusion_proof(reader: Reader, index: int, size: int) -> list[bytes]:
    """The path from leaf `index` to the root of the first `size` leaves.

    Raises:
        ValueError: the tree of that size has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_subtree(reader, middle, end))
            end = middle
        else:
            path.append(_subtree(reader, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(reader: Reader, first: int, second: int) -> list[bytes]:
    """What shows that the tree of `first` leaves is the beginning of the tree of `second`.

    Raises:
        ValueError: not 0 < first <= second.
    """
    if not 0 < first <= second:
        raise ValueError(f"there is no proof from {first} to {second} leaves")
    path = []
    start, end = 0, second
    is_whole = True  # whether the old tree, as far as it reaches into this subtree, is a node that is known already
    while first < end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(_subtree(reader, middle, end))
            end = middle
        else:
            path.append(_subtree(reader, start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(_subtree(reader, start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], expected: bytes) -> None:
    """Checks that a leaf's hash stands at `index` in the tree of `size` leaves with the root `expected`.

    Raises:
        ProofRejected: it does not, or the path has another length than it must have.
    """
    if not 0 <= index < size:
        raise ProofRejected(f"a tree of {size} leaves has no leaf {index}")
    place, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise ProofRejected("the inclusion proof is too long")
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofRejected("the inclusion proof is too short")
    if found != expected:
        raise ProofRejected("the inclusion proof leads to another root")


def verify_consistency(first: int, second: int, path: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Checks that the tree of `first` leaves is the beginning of the tree of `second`.

    Raises:
        ProofRejected: it is not, or the path has another length than it must have.
    """
    if not 0 < first <= second:
        raise ProofRejected(f"there is no proof from {first} to {second} leaves")
    if first == second:
        if path or first_root != second_root:
            raise ProofRejected("two heads of one size differ")
        return
    steps = list(path)
    if first & (first - 1) == 0:
        steps.insert(0, first_root)
    if not steps:
        raise ProofRejected("the consistency proof is too short")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise ProofRejected("the consistency proof is too long")
        if place & 1 or place == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, step)
        place, last = place >> 1, last >> 1
    if last != 0:
        raise ProofRejected("the consistency proof is too short")
    if old != first_root or new != second_root:
        raise ProofRejected("the consistency proof leads to other roots")


def parents(hashes: bytes) -> bytes:
    """The hashes one level up of an even number of neighbours, each as its 32 bytes."""
    sha256 = hashlib.sha256
    return b"".join([sha256(b"\x01" + pair).digest() for (pair,) in _PAIRS.iter_unpack(hashes)])


def climbed(hashes: bytes, levels: int) -> bytes:
    """The hashes some levels up of neighbours that fill those levels."""
    for _ in range(levels):
        hashes = parents(hashes)
    return hashes


def split(hashes: bytes) -> Iterator[bytes]:
    """The hashes that stand in a row."""
    return (hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES))


def _split(size: int) -> int:
    """The largest power of two below a size of at least two."""
    return int(1 << ((size - 1).bit_length() - 1))


def _subtree(reader: Reader, start: int, end: int) -> bytes:
    """The hash of the leaves from `start` to before `end`, where those are a subtree as the RFC splits a tree."""
    size = end - start
    if size & (size - 1) == 0:
        return reader(size.bit_length() - 1, start // size)
    middle = start + _split(size)
    return node_hash(_subtree(reader, start, middle), _subtree(reader, middle, end))
