"""What stood in policy and registry when a build decided: kept by version, and read back."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from optkeeper import settings


class UnknownVersion(LookupError):
    """No build was made under that version of policy and registry."""


def _files() -> Iterator[tuple[str, bytes]]:
    for folder in sorted(settings.registry_folders()):
        for path in sorted(folder.glob("*.csv")):
            yield path.name, path.read_bytes()


def current() -> str:
    """The digest of all policy and registry files, as far as it tells versions apart."""
    summed = hashlib.sha256()
    for name, content in _files():
        summed.update(name.encode() + b"\0" + content + b"\0")
    return summed.hexdigest()[:12]


def keep(connection: psycopg.Connection[Any]) -> str:
    """Keeps the files of the current version, once; answers the version."""
    version = current()
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into raw.policy_versions (policy_version, file, content) values (%s, %s, %s)"
            " on conflict do nothing",
            [(version, name, content.decode()) for name, content in _files()],
        )
    return version


def read_back(connection: psycopg.Connection[Any], version: str, folder: Path) -> list[Path]:
    """Writes the files of a version into a folder, which `optkeeper evaluate --registry` reads; answers them.

    Raises:
        UnknownVersion: nothing is kept of it.
    """
    rows = connection.execute(
        "select file, content from raw.policy_versions where policy_version = %s order by file", (version,)
    ).fetchall()
    if not rows:
        raise UnknownVersion(f"policy version {version}: no build was made under it")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in rows:
        path = folder / name
        path.write_bytes(content.encode())
        written.append(path)
    return written
