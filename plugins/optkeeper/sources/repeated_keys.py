"""A record of a web source in which a key is repeated: what it means nobody knows, what it may mean restricts (R27)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from optkeeper.landing import document
from optkeeper.sources.stream import Broken, Excerpt, Received


def read(
    object_: str,
    position: str,
    record: Any,
    reader: Callable[[str, Any], Received | Broken | Iterable[Received | Broken]],
    restriction: Callable[[Any], tuple[Excerpt, ...]] = lambda reading: (),
) -> Iterator[Received | Broken]:
    """What a connector reads of one record; of one that repeats a key, each of its readings stays as remains.

    Args:
        object_: what is kept in quarantine where the record repeats a key.
        position: where the record stands.
        record: as `document.decode_repeating` decoded it.
        reader: how the connector reads one record that repeats nothing, from its position.
        restriction: what a reading restricts by itself, where the models take all readings for one record's versions.
    """
    field = document.repeated_key(record)
    if field is None:
        yield from _items(reader(position, record))
        return
    remains: dict[tuple[str, str], Received] = {}
    excerpts: dict[str, Excerpt] = {}
    for number, reading in enumerate(document.readings(record), start=1):
        excerpts |= {one.source_id: one for one in restriction(reading)}
        for item in _items(reader(position, reading)):
            for one in received_of(item):
                # a reading is no later version of another one: each stands, under a name of its own
                source_id = one.source_id if number == 1 else f"{one.source_id}/reading-{number}"
                remains[one.object, source_id] = replace(one, source_id=source_id)
            if isinstance(item, Broken):
                excerpts |= {one.source_id: one for one in item.excerpts}
    yield Broken(
        object_,
        position,
        "repeated_key",
        "A key stands more than once in one object of the record: which value is meant nobody knows.",
        document.spelled(record),
        field,
        excerpts=tuple(excerpts.values()),
        remains=tuple(remains.values()),
    )


def received_of(item: Received | Broken) -> tuple[Received, ...]:
    """The record itself, or what is left of a broken one."""
    return (item,) if isinstance(item, Received) else item.remains


def _items(told: Received | Broken | Iterable[Received | Broken]) -> Iterable[Received | Broken]:
    return (told,) if isinstance(told, Received | Broken) else told
