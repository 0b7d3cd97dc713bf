"""Where files are delivered: a folder, an SFTP server with a checked host key, or a bucket."""

import hashlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

from optkeeper.sources.http import SourceError
from optkeeper.sources.stream import ConnectionDetails

_CHUNK = 1024 * 1024
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")


class FileStillGrowing(Exception):
    """The file changed while it was read; the next pull takes it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A delivered file, by its name without folders."""

    name: str
    size: int
    modified_at: datetime


class Location(Protocol):
    """A place where files are delivered."""

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first."""
        ...

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies a file's bytes into the target and answers their SHA-256.

        Raises:
            FileStillGrowing: its size changed meanwhile.
        """
        ...


def is_deliverable(name: str) -> bool:
    """Whether a name is one of a finished file and safe to handle: no folder, no control character, not hidden."""
    return (
        bool(name)
        and not name.startswith(".")
        and not name.lower().endswith(_UNFINISHED)
        and not any(sign in name for sign in "/\\")
        and all(sign.isprintable() for sign in name)
    )


def _sorted(files: list[RemoteFile]) -> list[RemoteFile]:
    return sorted(files, key=lambda file: (file.modified_at, file.name))


def _copied(read: Any, target: IO[bytes], size: int) -> bytes:
    summed, copied = hashlib.sha256(), 0
    while chunk := read.read(_CHUNK):
        summed.update(chunk)
        copied += len(chunk)
        target.write(chunk)
    if copied != size:
        raise FileStillGrowing
    return summed.digest()


class FolderLocation:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first."""
        return _sorted(
            [
                RemoteFile(path.name, path.stat().st_size, datetime.fromtimestamp(path.stat().st_mtime, UTC))
                for path in self._folder.iterdir()
                if path.is_file() and not path.is_symlink() and is_deliverable(path.name)
            ]
        )

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies a file's bytes into the target and answers their SHA-256."""
        path = self._folder / file.name
        with path.open("rb") as read:
            digest = _copied(read, target, file.size)
        if path.stat().st_size != file.size:
            raise FileStillGrowing
        return digest


class SftpLocation:
    """A folder of an SFTP server."""

    def __init__(self, client: Any, folder: str) -> None:
        self._client = client
        self._folder = folder.rstrip("/")

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first."""
        return _sorted(
            [
                RemoteFile(entry.filename, entry.st_size, datetime.fromtimestamp(entry.st_mtime or 0, UTC))
                for entry in self._client.listdir_attr(self._folder or ".")
                if stat.S_ISREG(entry.st_mode or 0) and is_deliverable(entry.filename)
            ]
        )

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies a file's bytes into the target and answers their SHA-256."""
        path = f"{self._folder}/{file.name}"
        with self._client.open(path, "rb") as read:
            read.prefetch(file.size)
            digest = _copied(read, target, file.size)
        if self._client.stat(path).st_size != file.size:
            raise FileStillGrowing
        return digest


class BucketLocation:
    """A prefix of an S3 bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first."""
        files = []
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                name = entry["Key"].removeprefix(self._prefix)
                if is_deliverable(name):
                    files.append(RemoteFile(name, entry["Size"], entry["LastModified"]))
        return _sorted(files)

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies an object's bytes into the target and answers their SHA-256."""
        answer = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{file.name}")
        return _copied(answer["Body"], target, file.size)


@contextmanager
def open_location(connection: ConnectionDetails, name: str) -> Iterator[Location]:
    """The place of a connection's `extra.url`, opened.

    Args:
        connection: its extra holds `url`; for SFTP also `host_key` (as in known_hosts) and perhaps `private_key`, for a
            bucket perhaps `endpoint_url` and `region_name`, with login and password as the key pair.
        name: the source, for error texts.

    Raises:
        SourceError: there is no such place, or its host key is not the one that is known.
    """
    url = str(connection.extra.get("url") or "")
    split = urlsplit(url)
    if split.scheme == "file":
        folder = Path(unquote(split.path))
        if not folder.is_dir():
            raise SourceError(f"{name}: the folder of its connection does not exist")
        yield FolderLocation(folder)
    elif split.scheme == "sftp":
        with _sftp(connection, split.hostname or connection.host, split.port or connection.port or 22, name) as client:
            try:
                yield SftpLocation(client, unquote(split.path))
            except (EOFError, OSError) as problem:
                raise SourceError(f"{name}: the SFTP server failed ({type(problem).__name__})") from None
    elif split.scheme == "s3":
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        options = {option: connection.extra[option] for option in ("endpoint_url", "region_name") if option in connection.extra}
        if connection.login:
            options |= {"aws_access_key_id": connection.login, "aws_secret_access_key": connection.password}
        try:
            yield BucketLocation(boto3.client("s3", **options), split.netloc, unquote(split.path))
        except (BotoCoreError, ClientError) as problem:
            raise SourceError(f"{name}: the bucket failed ({type(problem).__name__})") from None
    else:
        raise SourceError(f"{name}: extra.url of its connection must be file://, sftp:// or s3://")


@contextmanager
def _sftp(connection: ConnectionDetails, host: str, port: int, name: str) -> Iterator[Any]:
    import io

    import paramiko

    known = str(connection.extra.get("host_key") or "").split()
    if len(known) < 2:
        raise SourceError(f"{name}: the connection names no host_key, and an unknown SFTP server is never trusted")
    transport = None
    try:
        key_type, expected = known[-2:] if len(known) == 2 else known[:2]
        transport = paramiko.Transport((host, port))
        transport.get_security_options().key_types = (key_type,)
        transport.start_client(timeout=30)
        if transport.get_remote_server_key().get_base64() != expected:
            raise SourceError(f"{name}: the SFTP server at {host}:{port} shows another host key than the known one")
        if connection.extra.get("private_key"):
            key = paramiko.Ed25519Key.from_private_key(io.StringIO(str(connection.extra["private_key"])))
            transport.auth_publickey(connection.login, key)
        else:
            transport.auth_password(connection.login, connection.password)
        client = paramiko.SFTPClient.from_transport(transport)
    except (paramiko.SSHException, OSError, ValueError) as problem:
        if transport is not None:
            transport.close()
        raise SourceError(f"{name}: no SFTP session with {host}:{port} ({type(problem).__name__})") from None
    except SourceError:
        if transport is not None:
            transport.close()
        raise
    try:
        yield client
    finally:
        transport.close()
