"""Where lists are written: a folder, an object store or an SFTP server, named by a URL.

A file is there as a whole or not at all. A folder and an SFTP server take it under a temporary name that is the same
at every attempt, then rename it; an object store shows an object only when all of it has come.
"""

import base64
import logging
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import fsspec
import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

_FOR_OWNER_AND_GROUP = 0o640
_LOG = logging.getLogger(__name__)
_RENAMING = {"file", "local", "sftp", "ssh"}


class StorageError(Exception):
    """The destination did not take or give a file. The text names the URL and the cause, never a secret."""


class _KnownSftp(SFTPFileSystem):  # type: ignore[misc]
    """SFTP to a server whose key is known; fsspec's own accepts any."""

    def __init__(self, host: str, *, known_keys: list[paramiko.PKey], **ssh: Any) -> None:
        self._known_keys = known_keys
        super().__init__(host, **ssh)

    def _connect(self) -> None:
        self.client = paramiko.SSHClient()
        port = self.ssh_kwargs.get("port", 22)
        name = self.host if port == 22 else f"[{self.host}]:{port}"
        for key in self._known_keys:
            self.client.get_host_keys().add(name, key.get_name(), key)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(self.host, allow_agent=False, look_for_keys=False, **self.ssh_kwargs)
        self.ftp = self.client.open_sftp()


class Destination:
    """A place for files, each named by its path below the destination's URL."""

    def __init__(self, url: str, files: Any, root: str, *, renames: bool) -> None:
        """Files below `root` of an fsspec file system; `renames` where it shows files that are still being written."""
        self.url = url.rstrip("/")
        self._files = files
        self._root = root.rstrip("/")
        self._renames = renames

    def url_of(self, path: str) -> str:
        """The URL of a file, without login or password."""
        return f"{self.url}/{path}"

    def put(self, local: Path, path: str) -> None:
        """Writes a file, over what stands there.

        Raises:
            StorageError: it could not be written.
        """
        final = self._path(path)
        with self._explained(path):
            if not self._renames:
                self._files.put_file(str(local), final)
                return
            folder, name = posixpath.split(final)
            temporary = posixpath.join(folder, f".{name}.part")
            self._files.makedirs(folder, exist_ok=True)
            self._files.put_file(str(local), temporary)
            self._keep_from_the_world(temporary)
            self._rename(temporary, final)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None where there is none.

        Raises:
            StorageError: it could not be read.
        """
        with self._explained(path):
            try:
                content: bytes = self._files.cat_file(self._path(path))
            except FileNotFoundError:
                return None
            return content

    def names(self, path: str) -> list[str]:
        """The names of the files in a folder; none where there is no such folder.

        Raises:
            StorageError: the destination did not answer.
        """
        with self._explained(path):
            try:
                entries = self._files.ls(self._path(path), detail=False)
            except FileNotFoundError:
                return []
            return sorted(posixpath.basename(str(one)) for one in entries)

    def size(self, path: str) -> int | None:
        """The size of a file in bytes, or None where there is none.

        Raises:
            StorageError: the destination did not answer.
        """
        with self._explained(path):
            try:
                return int(self._files.info(self._path(path))["size"])
            except FileNotFoundError:
                return None

    def remove(self, path: str) -> None:
        """Removes a file; where there is none, that is well.

        Raises:
            StorageError: it could not be removed.
        """
        with self._explained(path):
            if self._files.exists(self._path(path)):
                self._files.rm_file(self._path(path))

    def close(self) -> None:
        """Ends the session with the server, where there is one."""
        client = getattr(self._files, "client", None)
        if client is not None:
            client.close()

    def _path(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _keep_from_the_world(self, temporary: str) -> None:
        """A list is for its owner and the group of its folder."""
        if not isinstance(self._files, SFTPFileSystem):
            Path(temporary).chmod(_FOR_OWNER_AND_GROUP)
            return
        try:
            self._files.ftp.chmod(temporary, _FOR_OWNER_AND_GROUP)
        except OSError as refused:
            _LOG.warning("%s: the server sets no rights (%s); its own hold", self.url, type(refused).__name__)

    def _rename(self, temporary: str, final: str) -> None:
        if not isinstance(self._files, SFTPFileSystem):
            Path(temporary).replace(final)  # fsspec's own move would put the file into a folder of that name
            return
        try:
            self._files.ftp.posix_rename(temporary, final)
        except OSError:
            # Not every server has OpenSSH's extension, and the plain rename never overwrites.
            if self._files.exists(final):
                self._files.rm_file(final)
            self._files.ftp.rename(temporary, final)

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # every storage has exceptions of its own
            raise StorageError(f"{self.url_of(path)}: {type(error).__name__}: {error}") from error


@contextmanager
def opened(url: str, options: Mapping[str, Any] | None = None) -> Iterator[Destination]:
    """The destination at a URL, for as long as it is needed.

    Args:
        url: `file:///folder`, `s3://bucket/prefix`, `sftp://host:port/folder` or another that fsspec knows.
        options: fsspec's storage options (for S3 `key`, `secret`, `endpoint_url`). For SFTP `username`, `password` or
            `key_filename`, and `host_key`: the server's public keys as OpenSSH writes them, one per line. Without it
            nothing is sent: the lists hold personal data.

    Raises:
        StorageError: there is no such kind of storage, or it does not let us in.
    """
    parts = urlsplit(url)
    scheme = parts.scheme or "file"
    shown = urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    destination = None
    try:
        try:
            if scheme in ("sftp", "ssh"):
                files, root = _sftp(url, dict(options or {})), unquote(parts.path)
            elif scheme in ("file", "local"):
                files, root = fsspec.filesystem("file", skip_instance_cache=True), unquote(parts.path)
            else:
                # A listing remembered from before would hide what another run has written.
                settled = {"use_listings_cache": False, "skip_instance_cache": True} | dict(options or {})
                files, root = fsspec.core.url_to_fs(url, **settled)
        except Exception as error:  # every storage has exceptions of its own
            raise StorageError(f"{shown}: {type(error).__name__}: {error}") from error
        destination = Destination(shown, files, root, renames=scheme in _RENAMING)
        yield destination
    finally:
        if destination is not None:
            destination.close()


def _sftp(url: str, options: dict[str, Any]) -> SFTPFileSystem:
    parts = urlsplit(url)
    host_key = options.pop("host_key", None)
    if not host_key:
        raise ValueError("the storage option host_key is missing; without it any server could take the lists")
    settled: dict[str, Any] = {"port": parts.port or 22, "timeout": 30}
    if parts.username:
        settled["username"] = unquote(parts.username)
    if parts.password:
        settled["password"] = unquote(parts.password)
    keys = [_public(line) for line in str(host_key).splitlines() if line.strip()]
    return _KnownSftp(parts.hostname or "", known_keys=keys, skip_instance_cache=True, **settled | options)


def _public(line: str) -> paramiko.PKey:
    kind, encoded = line.split()[:2]
    return paramiko.PKey.from_type_string(kind, base64.b64decode(encoded))
