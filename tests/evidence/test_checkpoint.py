"""C2SP signed notes and checkpoints: the example of the specification's reference implementation, and what is rejected."""

from datetime import UTC, datetime

import pytest
from optkeeper.evidence.checkpoint import Head, HeadRejected, SigningKey, read_verification_key

# the example in the documentation of golang.org/x/mod/sumdb/note
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
NOTE = (
    TEXT
    + "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
KEY = SigningKey.generated("optkeeper-test")
HEAD = Head("optkeeper-test/records", 7, bytes(range(32)), datetime(2026, 11, 28, 9, 30, 1, 5, tzinfo=UTC))


def test_the_reference_note_is_read_and_signed_again_to_the_same_octets() -> None:
    key = SigningKey.read(PRIVATE)
    assert read_verification_key(PUBLIC).opened(NOTE) == TEXT
    assert key.signed(TEXT) == NOTE
    assert key.verification.text == PUBLIC
    assert key.text == PRIVATE


def test_a_head_says_what_was_signed() -> None:
    note = HEAD.signed(KEY)
    assert note.splitlines()[:4] == [
        "optkeeper-test/records",
        "7",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "received-until 2026-11-28T09:30:01.000005+00:00",
    ]
    assert Head.opened(note, KEY.verification, HEAD.origin) == HEAD


@pytest.mark.parametrize("place", range(len(HEAD.signed(KEY).encode())))
def test_a_head_with_any_octet_changed_is_rejected(place: int) -> None:
    octets = bytearray(HEAD.signed(KEY).encode())
    octets[place] ^= 1
    with pytest.raises(HeadRejected):
        Head.opened(octets.decode("utf-8", "replace"), KEY.verification, HEAD.origin)


def test_a_head_of_another_key_or_log_is_rejected() -> None:
    note = HEAD.signed(KEY)
    with pytest.raises(HeadRejected, match="is not signed by optkeeper-test"):
        Head.opened(note, SigningKey.generated("optkeeper-test").verification, HEAD.origin)
    with pytest.raises(HeadRejected, match="of another log"):
        Head.opened(note, KEY.verification, "optkeeper-test/quarantine")
    with pytest.raises(HeadRejected, match="no head of a log"):
        Head.opened(KEY.signed("optkeeper-test/records\n7\n"), KEY.verification, HEAD.origin)


def test_a_key_of_bare_octets_gets_a_name_of_its_own() -> None:
    key = SigningKey.read("07" * 32 + "\n")
    assert key.name.startswith("optkeeper-")
    assert (
        SigningKey.read(key.text).verification.text
        == key.verification.text
        == SigningKey.read("07" * 32).verification.text
    )


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+", PUBLIC, "07" * 31, PRIVATE[:-4], "PRIVATE+KEY+a+00+####"])
def test_what_is_no_key_is_said_to_be_none_without_quoting_it(text: str) -> None:
    with pytest.raises(ValueError, match="not an Ed25519 key as signed-note writes it$"):
        SigningKey.read(text)


def test_a_verification_key_whose_id_does_not_fit_is_none() -> None:
    with pytest.raises(ValueError, match="verification key"):
        read_verification_key(PUBLIC.replace("c74f20a3", "c74f20a4"))
