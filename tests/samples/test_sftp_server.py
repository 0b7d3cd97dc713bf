import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import paramiko
import pytest
from optkeeper.samples.sftp import LOGIN, PASSWORD, SftpServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    (tmp_path / "root" / "leads").mkdir(parents=True)
    (tmp_path / "root" / "leads" / "a.csv").write_bytes(b"one")
    (tmp_path / "outside.csv").write_bytes(b"two")
    with SftpServer(tmp_path / "root") as server:
        yield server


@contextmanager
def _session(server: SftpServer, login: str = LOGIN, password: str = PASSWORD) -> Iterator[paramiko.SFTPClient]:
    with paramiko.Transport(("127.0.0.1", server.port)) as transport:
        transport.connect(username=login, password=password)
        session = paramiko.SFTPClient.from_transport(transport)
        assert session is not None
        yield session


def test_a_client_lists_reads_and_writes_the_folder(server: SftpServer, tmp_path: Path) -> None:
    with _session(server) as session:
        assert session.listdir("/") == ["leads"]
        with session.open("/leads/a.csv") as read:
            assert read.read() == b"one"
        with session.open("/leads/b.csv", "w") as written:
            written.write(b"three")
    assert (tmp_path / "root" / "leads" / "b.csv").read_bytes() == b"three"


def test_nothing_outside_the_folder_can_be_reached(server: SftpServer) -> None:
    with _session(server) as session:
        assert session.listdir("/../..") == ["leads"]
        for path in ("/../outside.csv", "../outside.csv", "/leads/../../outside.csv"):
            with pytest.raises(FileNotFoundError):
                session.stat(path)


@pytest.mark.parametrize(("login", "password"), [(LOGIN, "guessed"), ("somebody", PASSWORD), (LOGIN, "")])
def test_only_the_right_login_and_password_let_in(server: SftpServer, login: str, password: str) -> None:
    with pytest.raises(paramiko.AuthenticationException), _session(server, login, password):
        pass


def test_it_shows_the_host_key_that_it_names(server: SftpServer) -> None:
    kind, encoded = server.host_key.split()
    with paramiko.Transport(("127.0.0.1", server.port)) as transport:
        transport.start_client(timeout=10)
        shown = transport.get_remote_server_key()
    assert (shown.get_name(), shown.get_base64()) == (kind, encoded) == ("ssh-ed25519", encoded)


def test_two_servers_have_keys_of_their_own(tmp_path: Path) -> None:
    assert SftpServer(tmp_path).host_key != SftpServer(tmp_path).host_key


def test_a_kept_host_key_stays_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    key_file = tmp_path / "host-key"
    first = SftpServer(tmp_path, key_file).host_key
    assert SftpServer(tmp_path, key_file).host_key == first
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_a_known_client_key_lets_in_without_password(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(tmp_path / "key"))
    other = asyncssh.generate_private_key("ssh-ed25519")
    other.write_private_key(str(tmp_path / "other"))
    with SftpServer(tmp_path, client_key=key.export_public_key().decode()) as server:
        with paramiko.Transport(("127.0.0.1", server.port)) as transport:
            transport.connect(username=LOGIN, pkey=paramiko.Ed25519Key(filename=str(tmp_path / "key")))
            assert transport.is_authenticated()
        with (
            paramiko.Transport(("127.0.0.1", server.port)) as transport,
            pytest.raises(paramiko.AuthenticationException),
        ):
            transport.connect(username=LOGIN, pkey=paramiko.Ed25519Key(filename=str(tmp_path / "other")))


def test_a_stopped_server_has_no_port_and_can_be_started_again(server: SftpServer) -> None:
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.port
    server.stop()
    server.start()
    with _session(server) as session:
        assert session.listdir("/leads") == ["a.csv"]
