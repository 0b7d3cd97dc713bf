"""R40: what processes of their own compute of the tree is what the seal would compute itself."""

import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator

import pytest
from optkeeper.evidence import climbing, merkle, tiles

LEAVES = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(9_000))


def portions(start: int, *counts: int) -> Iterator[climbing.Portion]:
    for count in counts:
        yield range(start, start + count), LEAVES[start * 32 : (start + count) * 32]
        start += count


def ahead(start: int, *counts: int, most: int = climbing.FEW + 1) -> Iterator[tuple[climbing.Portion, bytes]]:
    return climbing.ahead(portions(start, *counts), start, most, tiles.WIDTH, tiles.HEIGHT)


@pytest.mark.parametrize("start", [0, 1, 255, 256, 700])
@pytest.mark.parametrize("counts", [(5_000,), (100, 100, 100, 3_000, 7, 249, 256, 1), (256,) * 12, ()])
def test_the_tree_is_the_same_whoever_computes_it(start: int, counts: tuple[int, ...]) -> None:
    def grown(most: int) -> tuple[list[tiles.Tile], int]:
        growing = tiles.Growing()
        made = list(growing.add(LEAVES[: start * 32], range(start)))
        known = 0
        for (ids, hashes), above in ahead(start, *counts, most=most):
            made += growing.add(hashes, ids, above)
            known += len(above)
        return made + list(growing.rest()), known

    computed, known = grown(climbing.FEW + 1)
    assert (computed, 0) == grown(climbing.FEW)
    assert known >= 32 * (max(counts, default=0) // 256 - 1)


def test_few_leaves_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(climbing, "_started", lambda _: pytest.fail("a process was started"))
    assert [above for _, above in ahead(0, 600, 600, most=climbing.FEW)] == [b"", b""]


def test_a_process_that_was_killed_ends_the_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    started = climbing._started

    def killed(levels: int) -> "subprocess.Popen[bytes]":
        child = started(levels)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        return child

    monkeypatch.setattr(climbing, "_started", killed)
    with pytest.raises((ChildProcessError, BrokenPipeError)):
        list(ahead(0, *[300] * 30))  # more than there are processes


def test_above_a_tile_stands_the_root_of_its_leaves() -> None:
    (((_, hashes), above),) = ahead(0, 512)
    assert above == merkle.climbed(hashes[:8192], 8) + merkle.climbed(hashes[8192:], 8)
