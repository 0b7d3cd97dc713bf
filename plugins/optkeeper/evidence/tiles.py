"""The hashes of a log as the warehouse keeps them: tiles of up to 256 neighbours, every eighth level of the tree.

Level 0 holds the leaves and, beside them, the rows that they stand for. Hashes in between are computed from a tile, so
that a tree of millions of leaves costs 32 bytes a leaf and little more, and a proof reads one tile for eight levels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from optkeeper.evidence import merkle

HEIGHT = 8
WIDTH = 1 << HEIGHT
_BYTES = WIDTH * merkle.HASH_BYTES
_KEPT = 4096

_READ = "select hashes from evidence.tiles where log = %s and level = %s and tile = %s"
_TILE_OF = """
select tile, hashes, ids, first_id
from evidence.tiles
where log = %(log)s and level = 0 and first_id <= %(row)s
order by first_id desc
limit 1
"""
_STORED = "select hashes, ids, first_id from evidence.tiles where log = %s and level = %s and tile = %s"


class TileMissing(Exception):
    """A tile that the log must have does not stand in the warehouse, or is too short."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Neighbouring hashes of one level; `ids` are the rows that they stand for, on level 0."""

    level: int
    number: int
    hashes: bytes
    ids: Sequence[int] | None = None


@dataclass(slots=True)
class Growing:
    """A tree that grows at its end: what is not yet a whole tile of each level, and the tiles that got whole."""

    edges: list[bytearray] = field(default_factory=lambda: [bytearray()])
    ids: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=lambda: [0])

    @property
    def size(self) -> int:
        """The leaves of the tree."""
        return self.numbers[0] * WIDTH + len(self.edges[0]) // merkle.HASH_BYTES

    def add(self, hashes: bytes, ids: Sequence[int], above: bytes = b"") -> Iterator[Tile]:
        """Adds leaves, and gives each tile that this made whole; `above` are the hashes over those that they alone
        fill, where they are known."""
        at = known = 0
        while at < len(ids):
            if not self.ids and len(ids) - at >= WIDTH:  # a whole tile, as most are
                begins = at * merkle.HASH_BYTES
                over = above[known : known + merkle.HASH_BYTES]
                known += merkle.HASH_BYTES
                yield from self._closed(0, hashes[begins : begins + _BYTES], ids[at : at + WIDTH], over)
                at += WIDTH
                continue
            taken = min(WIDTH - len(self.ids), len(ids) - at)
            self.edges[0] += hashes[at * merkle.HASH_BYTES : (at + taken) * merkle.HASH_BYTES]
            self.ids += ids[at : at + taken]
            at += taken
            if len(self.ids) == WIDTH:
                whole = bytes(self.edges[0]), tuple(self.ids)
                self.edges[0].clear()
                self.ids.clear()
                yield from self._closed(0, *whole)

    def _closed(self, level: int, hashes: bytes, ids: Sequence[int] | None = None, over: bytes = b"") -> Iterator[Tile]:
        yield Tile(level, self.numbers[level], hashes, ids)
        self.numbers[level] += 1
        if level + 1 == len(self.edges):
            self.edges.append(bytearray())
            self.numbers.append(0)
        above = self.edges[level + 1]
        above += over or merkle.climbed(hashes, HEIGHT)
        if len(above) == _BYTES:
            whole = bytes(above)
            above.clear()
            yield from self._closed(level + 1, whole)

    def rest(self) -> Iterator[Tile]:
        """The tiles that are not whole."""
        for level, edge in enumerate(self.edges):
            if edge:
                yield Tile(level, self.numbers[level], bytes(edge), tuple(self.ids) if level == 0 else None)


def grown(connection: psycopg.Connection[Any], log: str, size: int) -> Growing:
    """The tree of a log as it stands, ready to grow.

    Raises:
        TileMissing: a tile at its end does not stand there.
    """
    growing = Growing(edges=[], numbers=[])
    width = size
    while True:
        growing.numbers.append(width // WIDTH)
        growing.edges.append(bytearray())
        if width % WIDTH:
            hashes, ids = _stored(connection, log, len(growing.edges) - 1, width // WIDTH, width % WIDTH)
            growing.edges[-1] += hashes
            if len(growing.edges) == 1:
                growing.ids = list(ids)
        width //= WIDTH
        if not width:
            return growing


_COLUMNS = "log, level, tile, hashes, ids, first_id"


def write(connection: psycopg.Connection[Any], log: str, tiles: Iterator[Tile]) -> None:
    """Stores tiles over those of the same place; in the caller's transaction.

    The tiles come while the server takes them: what makes them asks nothing of the same connection.
    """
    standing = dict(
        connection.execute(
            "select level, max(tile) from evidence.tiles where log = %s group by level", (log,)
        ).fetchall()
    )
    # of those that stand only the last of a level ever grows, so that the others need not be looked for one by one
    over: list[Tile] = []
    with connection.cursor() as cursor:
        with cursor.copy(f"copy evidence.tiles ({_COLUMNS}) from stdin (format binary)") as copy:
            copy.set_types(["text", "int4", "int8", "bytea", "int8[]", "int8"])
            for tile in tiles:
                if tile.number <= standing.get(tile.level, -1):
                    over.append(tile)
                else:
                    copy.write_row(_row(log, tile))
        cursor.executemany(
            f"insert into evidence.tiles ({_COLUMNS}) values (%s, %s, %s, %s, %s, %s)"  # noqa: S608  # constants
            " on conflict (log, level, tile) do update"
            " set hashes = excluded.hashes, ids = excluded.ids, first_id = excluded.first_id",
            [_row(log, tile) for tile in over],
        )


def _row(log: str, tile: Tile) -> tuple[str, int, int, bytes, Sequence[int] | None, int | None]:
    ids = tile.ids
    if ids is None:
        return log, tile.level, tile.number, tile.hashes, None, None
    is_whole = ids[-1] - ids[0] == len(ids) - 1
    return log, tile.level, tile.number, tile.hashes, None if is_whole else list(ids), ids[0]


def rows_of(hashes: bytes, ids: Sequence[int] | None, first_id: int | None) -> Sequence[int]:
    """The rows that the leaves of a stored tile stand for: those named, or so many in a row from the first."""
    if ids is None and first_id is not None:
        return range(first_id, first_id + len(hashes) // merkle.HASH_BYTES)
    return ids or ()


def reader(connection: psycopg.Connection[Any], log: str) -> Callable[[int, int], bytes]:
    """Gives the hash of any whole subtree of a log, for proofs; what it has read it keeps.

    Raises:
        TileMissing: the tile that holds it does not stand there.
    """
    kept: dict[tuple[int, int], bytes] = {}

    def read(level: int, index: int) -> bytes:
        step, within = divmod(level, HEIGHT)
        first = index << within
        key = (step, first // WIDTH)
        if key not in kept:
            row = connection.execute(_READ, (log, *key), binary=True).fetchone()
            if len(kept) >= _KEPT:
                kept.clear()
            kept[key] = bytes(row[0]) if row else b""
        start = first % WIDTH * merkle.HASH_BYTES
        hashes = kept[key][start : start + (merkle.HASH_BYTES << within)]
        if len(hashes) != merkle.HASH_BYTES << within:
            raise TileMissing(f"log {log}: tile {key[1]} of level {step} is missing or too short")
        return merkle.climbed(hashes, within)

    return read


def finder(connection: psycopg.Connection[Any], log: str) -> Callable[[int], bytes | None]:
    """Gives the sealed hash of a row's leaf, None where it has none; cheap where the rows are asked in their order."""
    leaves: dict[int, bytes] = {}
    reaches = (0, -1)

    def find(row: int) -> bytes | None:
        nonlocal leaves, reaches
        if not reaches[0] <= row <= reaches[1]:
            found = connection.execute(_TILE_OF, {"log": log, "row": row}).fetchone()
            if found is None:
                return None
            hashes = bytes(found[1])
            ids = rows_of(hashes, *found[2:])
            leaves = dict(zip(ids, merkle.split(hashes), strict=True))
            reaches = (ids[0], ids[-1])
        return leaves.get(row)

    return find


def leaf_of(connection: psycopg.Connection[Any], log: str, row: int) -> int | None:
    """The leaf that stands for a row; None where the row is not sealed."""
    found = connection.execute(_TILE_OF, {"log": log, "row": row}).fetchone()
    if found is None:
        return None
    ids = rows_of(bytes(found[1]), *found[2:])
    return found[0] * WIDTH + ids.index(row) if row in ids else None


def _stored(
    connection: psycopg.Connection[Any], log: str, level: int, number: int, width: int
) -> tuple[bytes, Sequence[int]]:
    row = connection.execute(_STORED, (log, level, number)).fetchone()
    hashes = bytes(row[0]) if row else b""
    ids = rows_of(hashes, *row[1:]) if row else ()
    if len(hashes) < width * merkle.HASH_BYTES or (level == 0 and len(ids) < width):
        raise TileMissing(f"log {log}: tile {number} of level {level} is missing or too short")
    return hashes[: width * merkle.HASH_BYTES], ids[:width]


def last_row(connection: psycopg.Connection[Any], log: str, number: int) -> int | None:
    """The row that the last leaf of a tile stands for; None where there is no such tile."""
    row = connection.execute(_STORED, (log, 0, number)).fetchone()
    ids = rows_of(bytes(row[0]), *row[1:]) if row else ()
    return ids[-1] if ids else None
