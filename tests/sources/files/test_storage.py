import hashlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import httpx
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer
from optkeeper.samples.sftp import LOGIN, PASSWORD, SftpServer
from optkeeper.sources.files.storage import FileStillGrowing, RemoteFile, is_finished, is_safe, open_location
from optkeeper.sources.http import SourceError
from optkeeper.sources.stream import ConnectionDetails

CONTENT = b"line\n" * 700_000  # more than three windows


def _put(folder: Path, name: str, content: bytes, modified: int) -> None:
    (folder / name).write_bytes(content)
    os.utime(folder / name, (modified, modified))


def _fill(folder: Path) -> None:
    (folder / "a-folder.jsonl").mkdir(parents=True)
    _put(folder, "late.csv", CONTENT, 1_700_000_100)
    _put(folder, "b-early.csv", b"b", 1_700_000_000)
    _put(folder, "a-early.csv", b"", 1_700_000_000)
    for name in (".hidden.csv", "new.csv.part", "new.csv.TMP", "new.csv.filepart", "back\\slash.csv", "line\nfeed.csv"):
        _put(folder, name, b"x", 1_700_000_000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _fill(tmp_path / "root" / "leads")
    _put(tmp_path, "outside.csv", b"secret", 1_700_000_000)
    return tmp_path / "root" / "leads"


@pytest.fixture
def server(folder: Path) -> Iterator[SftpServer]:
    with SftpServer(folder.parent) as server:
        yield server


@pytest.fixture(scope="module")
def object_store() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(object_store: str) -> Iterator[Any]:
    client = boto3.client(
        "s3", endpoint_url=object_store, aws_access_key_id="key", aws_secret_access_key="word", region_name="us-east-1"
    )
    client.create_bucket(Bucket="feeds")
    yield client
    httpx.post(f"{object_store}/moto-api/reset").raise_for_status()


def _sftp(server: SftpServer, path: str = "/leads", **extra: str) -> ConnectionDetails:
    url = f"sftp://127.0.0.1:{server.port}{path}"
    return ConnectionDetails(login=LOGIN, password=PASSWORD, extra={"url": url, "host_key": server.host_key, **extra})


def _s3(endpoint: str, url: str = "s3://feeds/web/") -> ConnectionDetails:
    extra = {"url": url, "endpoint_url": endpoint, "region_name": "us-east-1"}
    return ConnectionDetails(login="key", password="word", extra=extra)


def _local(folder: Path) -> ConnectionDetails:
    return ConnectionDetails(extra={"url": folder.as_uri()})


def _check_listing_and_bytes(connection: ConnectionDetails) -> None:
    with open_location(connection, "leadco") as location:
        files = [file for file in location.list() if is_safe(file.name)]
        assert [(file.name, file.size) for file in files] == [
            ("a-early.csv", 0),
            ("b-early.csv", 1),
            ("late.csv", len(CONTENT)),
        ]
        for file, content in zip(files, (b"", b"b", CONTENT), strict=True):
            target = io.BytesIO()
            assert location.fetch(file, target) == hashlib.sha256(content).digest()
            assert target.getvalue() == content


def test_a_folder_gives_its_finished_files_oldest_first_with_their_bytes_and_digest(folder: Path) -> None:
    _check_listing_and_bytes(_local(folder))


def test_an_sftp_server_gives_its_finished_files_oldest_first_with_their_bytes_and_digest(server: SftpServer) -> None:
    _check_listing_and_bytes(_sftp(server))


def test_a_bucket_gives_its_finished_objects_with_their_bytes_and_digest(bucket: Any, object_store: str) -> None:
    for key, content in (
        ("web/a-early.csv", b""), ("web/b-early.csv", b"b"), ("web/late.csv", CONTENT), ("web/", b""),
        ("web/archive/old.csv", b"x"), ("web/.hidden.csv", b"x"), ("web/new.csv.part", b"x"), ("other/x.csv", b"x"),
    ):  # fmt: skip
        bucket.put_object(Bucket="feeds", Key=key, Body=content)
    _check_listing_and_bytes(_s3(object_store))


def test_a_bucket_is_listed_to_its_last_page(bucket: Any, object_store: str) -> None:
    held = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # the server's own: a thousand requests would take seconds
    for number in range(1001):
        held.put_object("feeds", f"web/{number:04}.csv", b"")
    with open_location(_s3(object_store), "web") as location:
        assert len(location.list()) == 1001


def test_a_bucket_without_prefix_is_read_from_its_root(bucket: Any, object_store: str) -> None:
    bucket.put_object(Bucket="feeds", Key="x.csv", Body=b"1")
    with open_location(_s3(object_store, "s3://feeds"), "web") as location:
        assert [file.name for file in location.list()] == ["x.csv"]


def test_a_link_in_a_folder_is_passed_over(folder: Path) -> None:
    (folder / "link.csv").symlink_to(folder.parent.parent / "outside.csv")
    with open_location(_local(folder), "leadco") as location:
        assert "link.csv" not in [file.name for file in location.list()]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../b", "a\\b", "a\x00b", "a\nb", "a\x1b[2Jb", "a\u202eb", "\udcff"]
)
def test_an_unsafe_name_is_known_as_such(name: str) -> None:
    assert not is_safe(name)


@pytest.mark.parametrize("name", ["leads 2026-01.csv", "Lëads.csv", "a..b.csv", "-rf.csv"])
def test_an_odd_but_harmless_name_is_taken(name: str) -> None:
    assert is_safe(name)
    assert is_finished(name)


def test_files_of_unsafe_names_are_listed_and_never_opened(folder: Path) -> None:
    with open_location(_local(folder), "leadco") as location:
        unsafe = [file for file in location.list() if not is_safe(file.name)]
        assert len(unsafe) == 2
        for file in unsafe:
            with pytest.raises(ValueError, match="never opened"):
                location.fetch(file, io.BytesIO())


@pytest.mark.parametrize("listed", [len(CONTENT) - 1, len(CONTENT) + 1])
@pytest.mark.parametrize("kind", ["folder", "sftp", "bucket"])
def test_a_file_of_another_size_than_listed_is_still_growing(
    kind: str, listed: int, folder: Path, server: SftpServer, bucket: Any, object_store: str
) -> None:
    bucket.put_object(Bucket="feeds", Key="web/late.csv", Body=CONTENT)
    connection = {"folder": _local(folder), "sftp": _sftp(server), "bucket": _s3(object_store)}[kind]
    with open_location(connection, "leadco") as location:
        file = next(file for file in location.list() if file.name == "late.csv")
        with pytest.raises(FileStillGrowing):
            location.fetch(RemoteFile(file.name, listed, file.modified_at), io.BytesIO())


class _WritesMeanwhile(io.BytesIO):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def write(self, chunk: Any) -> int:
        with self._path.open("ab") as writer:
            writer.write(b"more")
        return super().write(chunk)


@pytest.mark.parametrize("kind", ["folder", "sftp"])
def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_pull(
    kind: str, folder: Path, server: SftpServer
) -> None:
    connection = _local(folder) if kind == "folder" else _sftp(server)
    with open_location(connection, "leadco") as location:
        file = location.list()[-1]
        with pytest.raises(FileStillGrowing):
            location.fetch(file, _WritesMeanwhile(folder / file.name))


@pytest.mark.parametrize("kind", ["folder", "sftp", "bucket"])
def test_a_file_that_is_gone_since_it_was_listed_is_left(
    kind: str, folder: Path, server: SftpServer, bucket: Any, object_store: str
) -> None:
    bucket.put_object(Bucket="feeds", Key="web/late.csv", Body=b"x")
    connection = {"folder": _local(folder), "sftp": _sftp(server), "bucket": _s3(object_store)}[kind]
    with open_location(connection, "leadco") as location:
        file = location.list()[-1]
        (folder / "late.csv").unlink()
        bucket.delete_object(Bucket="feeds", Key="web/late.csv")
        with pytest.raises(FileStillGrowing):
            location.fetch(file, io.BytesIO())


def test_a_server_without_a_known_host_key_is_never_spoken_to(server: SftpServer) -> None:
    with pytest.raises(SourceError, match="leadco: its connection names no host_key"):
        open_location(_sftp(server, host_key=""), "leadco").__enter__()


@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256"])
def test_a_server_that_shows_another_host_key_gets_no_password(
    server: SftpServer, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("optkeeper.samples.sftp._Server.begin_auth", lambda self, user: asked.append(user) or True)
    other = asyncssh.generate_private_key(kind).export_public_key().decode()
    with pytest.raises(SourceError, match="leadco: .*another host key") as caught:
        open_location(_sftp(server, host_key=other), "leadco").__enter__()
    assert asked == []
    assert PASSWORD not in str(caught.value)


def test_a_host_key_that_is_none_is_refused(server: SftpServer) -> None:
    for text in ("ssh-ed25519 AAAA", "ssh-ed25519", "fingerprint SHA256:abc"):
        with pytest.raises(SourceError, match="host_key of its connection is no public key"):
            open_location(_sftp(server, host_key=text), "leadco").__enter__()


def test_a_host_key_is_known_with_its_host_before_and_a_comment_behind(server: SftpServer) -> None:
    for line in (f"files.leadco.example {server.host_key}", f"{server.host_key} leadco"):
        with open_location(_sftp(server, host_key=line), "leadco") as location:
            assert location.list()


def test_a_wrong_password_is_an_error_that_holds_none(server: SftpServer) -> None:
    connection = ConnectionDetails(login=LOGIN, password="guessed", extra=_sftp(server).extra)
    with pytest.raises(SourceError, match="leadco: .*AuthenticationException") as caught:
        open_location(connection, "leadco").__enter__()
    assert "guessed" not in str(caught.value)


def test_a_private_key_opens_instead_of_a_password(folder: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    with SftpServer(folder.parent, client_key=key.export_public_key().decode()) as server:
        extra = {**_sftp(server).extra, "private_key": key.export_private_key().decode()}
        with open_location(ConnectionDetails(login=LOGIN, extra=extra), "leadco") as location:
            assert len([file for file in location.list() if is_safe(file.name)]) == 3


def test_an_unreadable_private_key_is_an_error_that_does_not_show_it(server: SftpServer) -> None:
    with pytest.raises(SourceError, match="private_key of its connection cannot be read") as caught:
        open_location(_sftp(server, private_key="-----BEGIN WRONG-----"), "leadco").__enter__()
    assert "WRONG" not in str(caught.value)


def test_a_server_that_does_not_answer_is_an_error_with_its_place(server: SftpServer) -> None:
    connection = _sftp(server)
    server.stop()
    with pytest.raises(SourceError, match=r"leadco: the SFTP server at 127\.0\.0\.1:\d+ failed"):
        open_location(connection, "leadco").__enter__()


@pytest.mark.parametrize(
    "url",
    ["", "ftp://host/x", "/tmp", "file:///nowhere/at/all", "sftp://127.0.0.1:99999/x"],  # noqa: S108
)
def test_a_place_that_there_is_not_is_an_error_that_names_the_source(url: str) -> None:
    with pytest.raises(SourceError, match="^leadco: "):
        open_location(ConnectionDetails(extra={"url": url, "host_key": "x"}), "leadco").__enter__()


def test_a_folder_that_the_server_has_not_is_an_error(server: SftpServer) -> None:
    with (
        pytest.raises(SourceError, match="leadco: .*FileNotFoundError"),
        open_location(_sftp(server, "/nothing"), "leadco") as location,
    ):
        location.list()


def test_a_bucket_that_there_is_not_is_an_error(object_store: str) -> None:
    with (
        pytest.raises(SourceError, match="web: the bucket nothing refused"),
        open_location(_s3(object_store, "s3://nothing"), "web") as location,
    ):
        location.list()


def test_a_closed_location_leaves_no_thread_behind(server: SftpServer) -> None:
    with open_location(_sftp(server), "leadco") as location:
        location.list()
        inside = [thread for thread in threading.enumerate() if type(thread).__module__.startswith("paramiko")]
        assert inside
    for thread in inside:
        thread.join(10)
        assert not thread.is_alive()
