import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import boto3
import httpx
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from optkeeper.delivery import storage
from optkeeper.delivery.deliver import deliver
from optkeeper.delivery.storage import Destination, StorageError

from tests.delivery import marts

Connection = psycopg.Connection[Any]


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "made"
    path.write_bytes(b"content")
    return path


def test_a_folder_takes_a_file_whole_and_over_the_old_one(tmp_path: Path, local: Path) -> None:
    with storage.opened((tmp_path / "a folder#1").as_uri()) as destination:
        destination.put(local, "x/y.csv")
        local.write_bytes(b"other")
        destination.put(local, "x/y.csv")
        assert destination.read("x/y.csv") == b"other"
        assert destination.size("x/y.csv") == 5
        destination.remove("x/y.csv")
        destination.remove("x/y.csv")
        assert destination.read("x/y.csv") is None
        assert destination.size("x/y.csv") is None
    assert (tmp_path / "a folder#1" / "x").is_dir()


def test_what_a_killed_run_left_half_is_written_over_by_the_next(tmp_path: Path, local: Path) -> None:
    (tmp_path / "to/x").mkdir(parents=True)
    (tmp_path / "to/x/.y.csv.part").write_bytes(b"ha")
    with storage.opened((tmp_path / "to").as_uri()) as destination:
        destination.put(local, "x/y.csv")
    assert [path.name for path in (tmp_path / "to/x").iterdir()] == ["y.csv"]


def test_an_unknown_kind_of_storage_is_an_error_that_names_it_without_the_password() -> None:
    with pytest.raises(StorageError, match="gopher") as raised, storage.opened("gopher://me:secret@host/x"):
        pass
    assert "secret" not in str(raised.value)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    login = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "eu-west-1"}
    httpx.post(f"{endpoint}/moto-api/reset").raise_for_status()  # the buckets outlive the server
    client = boto3.client("s3", endpoint_url=endpoint, **login)
    client.create_bucket(Bucket="lists", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    yield {"endpoint_url": endpoint, "key": "key", "secret": "secret"}
    server.stop()


def test_an_object_store_gets_the_same_lists_as_a_folder_and_a_second_run_changes_nothing(
    published: Connection, tmp_path: Path, s3: dict[str, Any]
) -> None:
    marts.add(published, "c1")
    first = deliver(published, destination_url="s3://lists/marketing", storage_options=s3)
    assert first.failures == ()
    assert first.lists[0].urls[0] == "s3://lists/marketing/renewal_due/2026-03-01/noord/email.csv"
    with storage.opened("s3://lists/marketing", s3) as bucket:
        stored = bucket.read("renewal_due/2026-03-01/noord/email.xlsx")
        manifest = bucket.read("renewal_due/2026-03-01/noord/email.manifest.json")
    again = deliver(published, destination_url="s3://lists/marketing", storage_options=s3)
    assert {one.state for one in again.lists} == {"unchanged"}
    marts.add(published, "c2")
    marts.publish(published, "run-2")
    replaced = deliver(published, destination_url="s3://lists/marketing", storage_options=s3)
    assert [one.state for one in replaced.lists if one.row_count] == ["replaced"]
    marts.withdraw(published, "c2")
    published.execute("truncate delivery.lists; delete from marts.publications where run_id = 'run-2'")
    deliver(published, destination_url=tmp_path.as_uri())
    folder = tmp_path / "renewal_due/2026-03-01/noord"
    assert (folder / "email.xlsx").read_bytes() == stored
    assert (folder / "email.manifest.json").read_bytes() == manifest


def test_a_bucket_that_is_not_there_fails_every_list_and_says_so(published: Connection, s3: dict[str, Any]) -> None:
    report = deliver(published, destination_url="s3://elsewhere/x", storage_options=s3)
    assert len(report.failures) == 8
    assert report.failures[0].startswith("s3://elsewhere/x/renewal_due/2026-03-01/noord/email.csv: ")


class _Server(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("marketing", "secret")


class _Files(asyncssh.SFTPServer):
    """Serves a folder as the whole of the server."""


class _PlainFiles(asyncssh.SFTPServer):
    """A server without OpenSSH's rename that overwrites."""

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("posix-rename")


class _Sftp:
    def __init__(self, root: Path, files: type[asyncssh.SFTPServer]) -> None:
        self._root, self._files = root, files
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = self._key.export_public_key().decode()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> int:
        self._thread.start()
        listening = asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[self._key], server_factory=_Server,
            sftp_factory=lambda channel: self._files(channel, chroot=str(self._root).encode()),
        )  # fmt: skip
        self._acceptor = asyncio.run_coroutine_threadsafe(_awaited(listening), self._loop).result()
        return int(self._acceptor.get_port())

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(_closed(self._acceptor), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


async def _closed(acceptor: Any) -> None:
    acceptor.close()
    await acceptor.wait_closed()


@pytest.fixture(params=[_Files, _PlainFiles])
def sftp(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str, Path]]:
    root = tmp_path / "server"
    root.mkdir()
    server = _Sftp(root, request.param)
    port = server.start()
    yield f"sftp://marketing:secret@127.0.0.1:{port}/lists", server.host_key, root
    server.stop()


def test_an_sftp_server_gets_the_lists_and_a_replaced_one_over_the_old(
    published: Connection, sftp: tuple[str, str, Path]
) -> None:
    url, host_key, root = sftp
    options = {"host_key": host_key}
    marts.add(published, "goes")
    first = deliver(published, destination_url=url, storage_options=options)
    assert first.failures == ()
    assert not any("secret" in url or "marketing:" in url for one in first.lists for url in one.urls)
    marts.withdraw(published, "goes")
    marts.publish(published, "run-2")
    second = deliver(published, destination_url=url, storage_options=options)
    assert [one.channel for one in second.lists if one.state == "replaced"] == ["email"]
    assert b"goes" not in (root / "lists/renewal_due/2026-03-01/noord/email.import.csv").read_bytes()
    assert {path.suffix for path in root.rglob("*") if path.is_file()} == {".csv", ".xlsx", ".json"}
    third = deliver(published, destination_url=url, storage_options=options)
    assert {one.state for one in third.lists} == {"unchanged"}


def test_an_sftp_server_with_another_key_than_the_known_one_gets_nothing(
    published: Connection, sftp: tuple[str, str, Path]
) -> None:
    url, _, root = sftp
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    for options in ({"host_key": other}, {}):
        with pytest.raises(StorageError) as raised:
            deliver(published, destination_url=url, storage_options=options)
        assert "secret" not in str(raised.value)
    assert list(root.iterdir()) == []


def test_the_destination_is_shown_without_login_or_password(tmp_path: Path) -> None:
    assert Destination("sftp://host/x/", None, "/x", renames=True).url_of("a.csv") == "sftp://host/x/a.csv"
