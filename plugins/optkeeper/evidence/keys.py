"""The key that heads are signed with: outside the warehouse, so that who can change rows cannot sign for them."""

import os
from pathlib import Path

from optkeeper import settings
from optkeeper.evidence.checkpoint import SigningKey, VerificationKey

FILE_NAME = "evidence-signing-key"


def signing_key() -> SigningKey:
    """The signing key: the secret `OPTKEEPER_EVIDENCE_KEY`, else a file of the home folder, made when there is none.

    Raises:
        ValueError: what is there is no key.
    """
    given = settings.evidence_key()
    if given is not None:
        return SigningKey.read(given)
    path = settings.home() / FILE_NAME
    if not path.exists():
        _keep(path, SigningKey.generated())
    return SigningKey.read(path.read_text())


def own_verification_key() -> VerificationKey:
    """The verification key of this installation's signing key.

    Raises:
        LookupError: there is no signing key here.
    """
    if settings.evidence_key() is None and not (settings.home() / FILE_NAME).exists():
        raise LookupError("this machine has no key of its own: name the file of the verification key (--key)")
    return signing_key().verification


def _keep(path: Path, key: SigningKey) -> None:
    """Writes a key for its owner alone; where another process was first, that one's stands."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key.text}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
