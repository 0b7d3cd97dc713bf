"""Signed heads of a log, as the C2SP specifications *tlog-checkpoint* and *signed-note* write them.

A head's text is its origin, its number of leaves, its root in base64, and the moment until which everything that was
received stands in it. Keys are Ed25519, written as signed-note writes them; a name belongs to the key.
"""

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_ED25519 = b"\x01"
_NAME = re.compile(r"[^\s+]+")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<signed>[A-Za-z0-9+/=]+)")
_UNTIL = "received-until "
_PRIVATE = "PRIVATE+KEY+"


class HeadRejected(Exception):
    """A signed text is not what it should be: malformed, or not signed by the key."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The public key that heads are checked by."""

    name: str
    public: Ed25519PublicKey

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return _key_id(self.name, self.public.public_bytes_raw())

    @property
    def text(self) -> str:
        """As a file holds it: `<name>+<id>+<key>`."""
        encoded = base64.b64encode(_ED25519 + self.public.public_bytes_raw()).decode()
        return f"{self.name}+{self.id.hex()}+{encoded}"

    def opened(self, note: str) -> str:
        """The text of a signed note.

        Raises:
            HeadRejected: it is malformed, or this key has not signed it.
        """
        text, separator, signatures = note.rpartition("\n\n")
        if not separator or not signatures.endswith("\n"):
            raise HeadRejected("it is no signed note")
        text += "\n"
        for line in signatures[:-1].split("\n"):
            match = _SIGNATURE.fullmatch(line)
            if match is None:
                raise HeadRejected("a signature line is malformed")
            signed = _decoded(match["signed"])
            if match["name"] == self.name and signed[:4] == self.id:
                try:
                    self.public.verify(signed[4:], text.encode())
                except InvalidSignature:
                    raise HeadRejected("its signature does not fit its text") from None
                return text
        raise HeadRejected(f"it is not signed by {self.name}+{self.id.hex()}")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key that heads are signed with."""

    name: str
    private: Ed25519PrivateKey

    @classmethod
    def generated(cls, name: str | None = None) -> "SigningKey":
        """A new key; without a name it gets one of its own."""
        return cls(name or f"optkeeper-{secrets.token_hex(4)}", Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> "SigningKey":
        """The key that a file holds: as signed-note writes it, or its 32 octets in hexadecimal.

        Raises:
            ValueError: it holds none; the message does not quote it.
        """
        if re.fullmatch(r"[0-9a-f]{64}", text.strip()):
            private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
            public = private.public_key().public_bytes_raw()
            return cls(f"optkeeper-{hashlib.sha256(public).hexdigest()[:8]}", private)
        kind, name, _, key = _parts(text.removeprefix(_PRIVATE) if text.startswith(_PRIVATE) else "")
        if kind != _ED25519:
            raise ValueError("the signing key is not an Ed25519 key as signed-note writes it")
        return cls(name, Ed25519PrivateKey.from_private_bytes(key))

    @property
    def text(self) -> str:
        """As a file holds it: `PRIVATE+KEY+<name>+<id>+<key>`."""
        key = base64.b64encode(_ED25519 + self.private.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.name}+{self.verification.id.hex()}+{key}"

    @property
    def verification(self) -> VerificationKey:
        """The key by which others check what this one has signed."""
        return VerificationKey(self.name, self.private.public_key())

    def derived(self, purpose: str) -> bytes:
        """Another secret of 32 octets, which only who has this key can make."""
        secret = self.private.private_bytes_raw()
        return HKDF(hashes.SHA256(), 32, salt=None, info=purpose.encode()).derive(secret)

    def signed(self, text: str) -> str:
        """A text, ending in a line feed, as a signed note."""
        signature = base64.b64encode(self.verification.id + self.private.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


def read_verification_key(text: str) -> VerificationKey:
    """The verification key that a file holds.

    Raises:
        ValueError: it holds none.
    """
    kind, name, told, key = _parts(text)
    if kind != _ED25519 or told != _key_id(name, key):
        raise ValueError("the verification key is not an Ed25519 key as signed-note writes it (NAME+ID+KEY)")
    return VerificationKey(name, Ed25519PublicKey.from_public_bytes(key))


@dataclass(frozen=True, slots=True)
class Head:
    """What one head says: the first `size` leaves of the log `origin` have the root `root`.

    Everything that was received before `received_until`, and nothing that was received after it, stands in them.
    """

    origin: str
    size: int
    root: bytes
    received_until: datetime

    def signed(self, key: SigningKey) -> str:
        """As a signed checkpoint."""
        root = base64.b64encode(self.root).decode()
        until = self.received_until.astimezone(UTC).isoformat(timespec="microseconds")
        return key.signed(f"{self.origin}\n{self.size}\n{root}\n{_UNTIL}{until}\n")

    @classmethod
    def opened(cls, note: str, key: VerificationKey, origin: str) -> "Head":
        """What a signed checkpoint of a log says.

        Raises:
            HeadRejected: it is malformed, of another log, or not signed by the key.
        """
        lines = key.opened(note).split("\n")
        if len(lines) != len(("origin", "size", "root", "until", "")) or not lines[3].startswith(_UNTIL):
            raise HeadRejected("it is no head of a log")
        told, size, root, until, _ = lines
        if told != origin:
            raise HeadRejected(f"it is a head of another log than {origin}")
        try:
            moment = datetime.fromisoformat(until.removeprefix(_UNTIL))
        except ValueError:
            raise HeadRejected("its moment is no instant") from None
        if not re.fullmatch(r"0|[1-9][0-9]*", size) or moment.tzinfo is None or len(_decoded(root)) != 32:
            raise HeadRejected("it is no head of a log")
        return cls(told, int(size), _decoded(root), moment)


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def _decoded(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except binascii.Error:
        decoded = b""
    if base64.b64encode(decoded).decode() != text:  # also where only bits differ that nobody reads
        raise HeadRejected("it holds what is not base64")
    return decoded


def _parts(text: str) -> tuple[bytes, str, bytes, bytes]:
    """Kind, name, id and key of a key's text; an empty kind where it is none."""
    parts = text.strip().split("+", 2)
    try:
        name, told, encoded = parts
        key = base64.b64decode(encoded, validate=True)
        if not _NAME.fullmatch(name) or len(key) != 33:
            raise ValueError
        return key[:1], name, bytes.fromhex(told), key[1:]
    except ValueError:
        return b"", "", b"", b""
