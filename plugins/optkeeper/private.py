"""Files of this process are its user's own: lists, logs and answers of databases hold personal data."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OWNERS_ONLY = 0o077


@contextmanager
def kept_private() -> Iterator[None]:
    """Whatever is written meanwhile, by this process or one that it starts, only its own user may read."""
    before = os.umask(_OWNERS_ONLY)
    try:
        yield
    finally:
        os.umask(before)


def make_private(folder: Path) -> None:
    """Takes others' rights from a folder and all below it, which an earlier version may have left."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=0o700)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~_OWNERS_ONLY)
