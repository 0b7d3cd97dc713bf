"""Where files are delivered: a folder, an SFTP server with a checked host key, or a bucket."""

import base64
import hashlib
import io
import os
import posixpath
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

import paramiko

from optkeeper.sources.http import SourceError
from optkeeper.sources.stream import ConnectionDetails, Ledger

_CHUNK = 1024 * 1024
_TIMEOUT_SECONDS = 60.0
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload")


class FileStillGrowing(Exception):
    """The file changed while it was read; the next pull takes it."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A delivered file, by its name without folders."""

    name: str
    size: int
    modified_at: datetime


def described(file: RemoteFile) -> bytes:
    """What tells a file that is not opened from others: its name, size and moment."""
    return f"{ascii(file.name)}, {file.size} bytes, {file.modified_at.isoformat()}".encode()


class Location(Protocol):
    """A place where files are delivered."""

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first; also those whose names are not safe, which are never fetched."""
        ...

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies a file's bytes into the target and answers their SHA-256.

        Raises:
            FileStillGrowing: its size changed meanwhile, or it is gone.
        """
        ...


def is_finished(name: str) -> bool:
    """Whether a name is that of a finished file: neither hidden nor of one that is still being written."""
    return bool(name) and not name.startswith(".") and not name.lower().endswith(_UNFINISHED)


def is_safe(name: str) -> bool:
    """Whether a name is safe to handle: it leads into no other folder and holds no control character."""
    return name not in ("", ".", "..") and name.isprintable() and not any(sign in name for sign in "/\\")


def _deliverable(files: Iterable[RemoteFile]) -> list[RemoteFile]:
    """The finished files in the order of their delivery; those of unsafe names too, which must not be opened."""
    return sorted((file for file in files if is_finished(file.name)), key=lambda file: (file.modified_at, file.name))


def _copied(chunks: Iterable[bytes], target: IO[bytes], size: int) -> bytes:
    summed, copied = hashlib.sha256(), 0
    for chunk in chunks:
        summed.update(chunk)
        copied += len(chunk)
        if copied > size:
            raise FileStillGrowing
        target.write(chunk)
    if copied != size:
        raise FileStillGrowing
    return summed.digest()


def _refuse_unsafe(file: RemoteFile) -> None:
    if not is_safe(file.name):
        raise ValueError("a file of an unsafe name is never opened")


def _chunks(read: Any) -> Iterator[bytes]:
    while chunk := read.read(_CHUNK):
        yield chunk


class FolderLocation:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first; links are passed over, as they may lead anywhere."""
        with os.scandir(self._folder) as entries:
            files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        found = []
        for entry in files:
            with suppress(FileNotFoundError):  # taken away since
                status = entry.stat(follow_symlinks=False)
                found.append(RemoteFile(entry.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)))
        return _deliverable(found)

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies a file's bytes into the target and answers their SHA-256."""
        _refuse_unsafe(file)
        path = self._folder / file.name
        try:
            with path.open("rb") as read:
                digest = _copied(_chunks(read), target, file.size)
            if path.stat().st_size != file.size:
                raise FileStillGrowing
        except FileNotFoundError:
            raise FileStillGrowing from None
        return digest


class SftpLocation:
    """A folder of an SFTP server."""

    def __init__(self, client: paramiko.SFTPClient, folder: str) -> None:
        self._client = client
        self._folder = folder or "."

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first."""
        return _deliverable(
            RemoteFile(entry.filename, entry.st_size or 0, datetime.fromtimestamp(entry.st_mtime or 0, UTC))
            for entry in self._client.listdir_attr(self._folder)
            if stat.S_ISREG(entry.st_mode or 0)
        )

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies a file's bytes into the target and answers their SHA-256."""
        _refuse_unsafe(file)
        path = posixpath.join(self._folder, file.name)
        try:
            with self._client.open(path, "rb") as read:
                if read.stat().st_size != file.size:
                    raise FileStillGrowing
                digest = _copied(self._windows(read, file.size), target, file.size)
            if self._client.stat(path).st_size != file.size:
                raise FileStillGrowing
        except FileNotFoundError:
            raise FileStillGrowing from None
        return digest

    @staticmethod
    def _windows(read: paramiko.SFTPFile, size: int) -> Iterator[bytes]:
        # Each window is asked for at once, which is fast over a long line; asking for the whole file would hold
        # in memory all that comes faster than it is written.
        for start in range(0, size, _CHUNK):
            yield from read.readv([(start, min(_CHUNK, size - start))])


class BucketLocation:
    """A prefix of an S3 bucket."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    def list(self) -> list[RemoteFile]:
        """The finished files, oldest first; those in folders below the prefix are not delivered here."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"
        )
        return _deliverable(
            RemoteFile(entry["Key"].removeprefix(self._prefix), entry["Size"], entry["LastModified"])
            for page in pages
            for entry in page.get("Contents", ())
        )

    def fetch(self, file: RemoteFile, target: IO[bytes]) -> bytes:
        """Copies an object's bytes into the target and answers their SHA-256."""
        _refuse_unsafe(file)
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{file.name}")
        except self._client.exceptions.NoSuchKey:
            raise FileStillGrowing from None
        with answer["Body"] as body:
            return _copied(_chunks(body), target, file.size)


@contextmanager
def opened_if_new(location: Location, file: RemoteFile, ledger: Ledger) -> Iterator[tuple[IO[bytes], bytes] | None]:
    """A delivered file's bytes and their digest; None where it still grows, or this delivery of it was read before."""
    with tempfile.TemporaryFile() as spool:
        try:
            digest = location.fetch(file, spool)
        except FileStillGrowing:
            yield None
            return
        if ledger.knows_file(digest, file.modified_at):
            yield None
            return
        spool.seek(0)
        yield spool, digest


@contextmanager
def open_location(connection: ConnectionDetails, name: str) -> Iterator[Location]:
    """The place of a connection's `extra.url`, opened.

    Args:
        connection: its extra holds `url` (`file:///folder`, `sftp://host:port/folder`, `s3://bucket/prefix`); for SFTP
            also `host_key` (as in known_hosts) and perhaps `private_key` with `private_key_passphrase`, for a bucket
            perhaps `endpoint_url` and `region_name`, with login and password as the key pair.
        name: the source, for error texts.

    Raises:
        SourceError: there is no such place, its host key is not the one that is known, or it fails while it is read.
    """
    split = urlsplit(str(connection.extra.get("url") or ""))
    if split.scheme == "file":
        opened = _folder(Path(unquote(split.path)), name)
    elif split.scheme == "sftp":
        opened = _sftp(connection, split, name)
    elif split.scheme == "s3":
        opened = _bucket(connection, split, name)
    else:
        raise SourceError(f"{name}: extra.url of its connection must be file://, sftp:// or s3://")
    with opened as location:
        yield location


@contextmanager
def _folder(folder: Path, name: str) -> Iterator[Location]:
    if not folder.is_dir():
        raise SourceError(f"{name}: the folder of its connection does not exist")
    try:
        yield FolderLocation(folder)
    except OSError as problem:
        raise SourceError(f"{name}: its folder cannot be read ({type(problem).__name__})") from None


@contextmanager
def _bucket(connection: ConnectionDetails, split: SplitResult, name: str) -> Iterator[Location]:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    known = ("endpoint_url", "region_name")
    options = {option: connection.extra[option] for option in known if connection.extra.get(option)}
    if connection.login:
        options |= {"aws_access_key_id": connection.login, "aws_secret_access_key": connection.password}
    try:
        yield BucketLocation(boto3.client("s3", **options), split.netloc, unquote(split.path))
    except ClientError as problem:
        code = problem.response.get("Error", {}).get("Code", "")
        raise SourceError(f"{name}: the bucket {split.netloc} refused ({code})") from None
    except (BotoCoreError, ValueError) as problem:
        raise SourceError(f"{name}: the bucket {split.netloc} failed ({type(problem).__name__})") from None


class _OtherHostKey(paramiko.SSHException):
    pass


class _KnownKeyOnly(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise _OtherHostKey


@contextmanager
def _sftp(connection: ConnectionDetails, split: SplitResult, name: str) -> Iterator[Location]:
    try:
        host, port = split.hostname or connection.host, split.port or connection.port or 22
    except ValueError:
        raise SourceError(f"{name}: extra.url of its connection names no proper port") from None
    key = _host_key(str(connection.extra.get("host_key") or ""), name)
    with paramiko.SSHClient() as client:
        client.get_host_keys().add(host if port == 22 else f"[{host}]:{port}", key.get_name(), key)
        client.set_missing_host_key_policy(_KnownKeyOnly())
        try:
            client.connect(
                host, port, connection.login, connection.password or None, pkey=_private_key(connection, name),
                allow_agent=False, look_for_keys=False, timeout=_TIMEOUT_SECONDS,
                banner_timeout=_TIMEOUT_SECONDS, auth_timeout=_TIMEOUT_SECONDS,
            )  # fmt: skip
            session = client.open_sftp()
            channel = session.get_channel()
            if channel is not None:
                channel.settimeout(_TIMEOUT_SECONDS)
            yield SftpLocation(session, unquote(split.path))
        except (_OtherHostKey, paramiko.BadHostKeyException):
            raise SourceError(
                f"{name}: the SFTP server at {host}:{port} shows another host key than the known one; nothing was sent"
            ) from None
        except (paramiko.SSHException, EOFError, OSError, UnicodeDecodeError) as problem:
            raise SourceError(f"{name}: the SFTP server at {host}:{port} failed ({type(problem).__name__})") from None


def _host_key(line: str, name: str) -> paramiko.PKey:
    """The key of a line as in known_hosts, with or without the host before it and a comment behind."""
    words = line.split()
    for kind, encoded in pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-")):
            try:
                return paramiko.PKey.from_type_string(kind, base64.b64decode(encoded))
            except (paramiko.SSHException, ValueError, IndexError):
                raise SourceError(f"{name}: extra.host_key of its connection is no public key") from None
    if words:
        raise SourceError(f"{name}: extra.host_key of its connection is no public key")
    raise SourceError(f"{name}: its connection names no host_key, and an unknown SFTP server is never trusted")


def _private_key(connection: ConnectionDetails, name: str) -> paramiko.PKey | None:
    text = str(connection.extra.get("private_key") or "")
    if not text:
        return None
    passphrase = connection.extra.get("private_key_passphrase") or None
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except (paramiko.SSHException, ValueError, IndexError):  # of another kind
            continue
    raise SourceError(f"{name}: extra.private_key of its connection cannot be read")
