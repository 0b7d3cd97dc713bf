"""The tree's first eight levels over many leaves, computed by processes of their own while the seal reads and writes.

Hashing is nearly all that a seal computes, and one Python process hashes on one core. A portion goes in as the number
of its octets, eight of them, and its hashes; what comes out are the hashes above, so many levels up.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from optkeeper.evidence import merkle

Portion = tuple[Sequence[int], bytes]
FEW = 1 << 19  # leaves that cost one process less time than starting others
_CHILDREN = 2
_AHEAD = 2 * _CHILDREN
_LENGTH = 8


def ahead(
    portions: Iterator[Portion], size: int, most: int, width: int, levels: int
) -> Iterator[tuple[Portion, bytes]]:
    """Each portion with the hashes so many levels above the whole tiles that it holds; empty where they are not made.

    Args:
        portions: rows and the hashes of their leaves.
        size: how many leaves stand before the first.
        most: how many leaves there may be; few are not worth the processes.
        width: the leaves of a tile, two to the power of `levels`.
        levels: how far up.
    """
    if most <= FEW:
        yield from ((portion, b"") for portion in portions)
        return
    with ExitStack() as opened:
        children: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for _ in range(_CHILDREN):
            children.put(opened.enter_context(_started(levels)))
        pool = opened.enter_context(ThreadPoolExecutor(_CHILDREN))
        opened.callback(pool.shutdown, cancel_futures=True)
        running: deque[tuple[Portion, Future[bytes]]] = deque()
        for ids, hashes in portions:
            begin = -size % width
            whole = max(len(ids) - begin, 0) // width * width
            size += len(ids)
            cut = hashes[begin * merkle.HASH_BYTES : (begin + whole) * merkle.HASH_BYTES]
            running.append(((ids, hashes), pool.submit(_climbed, children, cut, levels)))
            if len(running) > _AHEAD:
                portion, above = running.popleft()
                yield portion, above.result()
        for portion, above in running:
            yield portion, above.result()


def _started(levels: int) -> "subprocess.Popen[bytes]":
    # this module must be found where it was found here
    roots = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(  # noqa: S603  # itself
        [sys.executable, "-m", __name__, str(levels)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, roots))},
    )


def _climbed(children: "SimpleQueue[subprocess.Popen[bytes]]", hashes: bytes, levels: int) -> bytes:
    child = children.get()
    try:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(len(hashes).to_bytes(_LENGTH, "big") + hashes)
        child.stdin.flush()
        above = child.stdout.read(len(hashes) >> levels)
    finally:
        children.put(child)  # also one that has ended: who waits for it would wait for ever
    if len(above) != len(hashes) >> levels:
        raise ChildProcessError("a process that computes the tree has ended")
    return above


def _serve(told: IO[bytes], answer: IO[bytes], levels: int) -> None:
    while length := told.read(_LENGTH):
        answer.write(merkle.climbed(told.read(int.from_bytes(length, "big")), levels))
        answer.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]))
