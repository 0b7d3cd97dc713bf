import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optkeeper.landing import document

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=6), inner, max_size=4
    ),
    max_leaves=12,
)  # fmt: skip
documents = st.dictionaries(st.sampled_from("abcdef"), json_values, max_size=5)


@given(documents)
def test_key_order_does_not_change_the_digest(payload: dict[str, object]) -> None:
    text = json.dumps(payload)
    turned = json.dumps(dict(reversed(payload.items())))
    assert document.digest(document.decode(text.encode())) == document.digest(document.decode(turned.encode()))


@given(documents)
def test_the_digest_can_be_computed_again_from_the_canonical_form(payload: dict[str, object]) -> None:
    decoded = document.decode(json.dumps(payload).encode())
    canonical = document.canonical(decoded)
    assert document.canonical(document.decode(canonical)) == canonical
    assert hashlib.sha256(canonical).digest() == document.digest(decoded)


def test_a_number_is_the_same_however_it_is_spelled() -> None:
    spellings = [b'{"n": 100}', b'{"n": 100.0}', b'{"n": 1e2}', b'{"n": 1.00E+2}']
    assert {document.digest(document.decode(text)) for text in spellings} == {document.digest({"n": 100})}


def test_long_identifiers_never_look_alike() -> None:
    one, other = (document.decode(b'{"id": %d}' % number) for number in (10**25 + 1, 10**25 + 2))
    assert document.digest(one) != document.digest(other)


def test_when_it_was_received_is_no_part_of_what_was_said() -> None:
    assert document.digest({"a": 1, "received_at": "2026-01-01T00:00:00Z"}) == document.digest({"a": 1})


@pytest.mark.parametrize("text", [b"{", b"[1,]", b'{"a": NaN}', b'{"a": "\xff"}', b'{"a": "\\ud800"}', b""])
def test_what_is_no_json_is_named_malformed_without_its_content(text: bytes) -> None:
    with pytest.raises(document.MalformedDocument, match="not a whole JSON document"):
        document.decode(text)


@pytest.mark.parametrize("text", [b'{"a": "x\\u0000y"}', b'{"a": 1e999999}'])
def test_what_the_database_cannot_store_is_refused(text: bytes) -> None:
    with pytest.raises(document.MalformedDocument):
        document.canonical(document.decode(text))


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert document.canonical({"a": "\\u0000"}) == b'{"a":"\\\\u0000"}'


REPEATED = b'{"id": 1, "of": {"a": "x", "b": 1.0, "a": "y"}, "list": [{"c": true, "c": false}, 2]}'


def test_a_repeated_key_is_named_and_nothing_of_it_is_lost() -> None:
    value = document.decode_repeating(REPEATED)
    assert document.repeated_key(value) == "of.a"
    assert document.spelled(value) == REPEATED.replace(b" ", b"")


def test_each_value_of_a_repeated_key_stands_in_a_reading() -> None:
    readings = document.readings(document.decode_repeating(REPEATED))
    told = {(reading["of"]["a"], reading["list"][0]["c"]) for reading in readings}
    assert told == {("y", False), ("x", True), ("y", True), ("x", False)}
    assert readings[0] == document.decode(REPEATED)
    assert len(readings) == 4


def test_a_text_that_repeats_nothing_has_one_reading() -> None:
    value = document.decode_repeating(b'{"a": [1, {"b": 2}], "c": 1.50}')
    assert document.repeated_key(value) is None
    assert document.readings(value) == [value]


def test_of_very_many_repeated_keys_no_value_is_left_out() -> None:
    text = "{" + ",".join(f'"k{place % 20}": {place}' for place in range(200)) + "}"
    readings = document.readings(document.decode_repeating(text.encode()))
    assert {value for reading in readings for value in reading.values()} == set(range(200))
    assert len(readings) <= document.MOST_READINGS + 10


@pytest.mark.parametrize("seed", range(20))
def test_a_text_is_read_at_once_only_where_each_key_stands_once(seed: int) -> None:
    drawn = random.Random(seed)
    # keys that are spelled in several ways, and texts that look like the end of a key
    keys = ["a", "b", "\\u0061", "é", "\\u00e9", 'a\\"', "a\\u0022", ":", "received_at"]
    texts = [
        '"x"', '"\\u0022:"', '"\\":"', '"\\\\"', '"é"', '":"', "1", "1.50", "1e2", "null", "[1, 2]", '["\\":", {"a":1}]', "{}",
        '"\\u0000"', "1" * 1_200,
    ]  # fmt: skip

    def made(depth: int) -> str:
        members = (
            f'"{drawn.choice(keys)}"{drawn.choice(["", "", "", " "])}:'
            f"{made(depth - 1) if depth and drawn.random() < 0.3 else drawn.choice(texts)}"
            for _ in range(drawn.randrange(5))
        )
        return "{" + ", ".join(members) + "}"

    read = 0
    for _ in range(500):
        text = made(2).encode()
        plain = document.decode_plain(text)
        if plain is not None:
            read += 1
            assert plain.value == document.decode_strictly(text), text
            assert plain.canonical == document.canonical(plain.value), text
    assert read > 50
