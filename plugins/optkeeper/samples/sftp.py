"""A real SFTP server over a folder, for the demo and the tests."""

import asyncio
import threading
from pathlib import Path

import asyncssh

LOGIN, PASSWORD = "optkeeper", "sample-password"  # noqa: S105  # of an invented server


class _Server(asyncssh.SSHServer):  # type: ignore[misc,unused-ignore]
    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == LOGIN and password == PASSWORD


class SftpServer:
    """Serves a folder, and nothing outside it, on a free port of the loopback interface.

    Args:
        folder: what the server shows as its root.
        key_file: where the host key is kept, so that a restarted server shows the same one; a new key where None.
        client_key: a public key that also lets in, as a line of authorized_keys.
    """

    def __init__(self, folder: Path, key_file: Path | None = None, *, client_key: str | None = None) -> None:
        self._folder = folder
        self._key = self._host_key(key_file)
        self._clients = asyncssh.import_authorized_keys(client_key) if client_key else None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncssh.SSHAcceptor | None = None

    @staticmethod
    def _host_key(key_file: Path | None) -> asyncssh.SSHKey:
        if key_file is not None and key_file.exists():
            return asyncssh.read_private_key(str(key_file))
        key = asyncssh.generate_private_key("ssh-ed25519")
        if key_file is not None:
            key_file.touch(mode=0o600)
            key.write_private_key(str(key_file))
        return key

    @property
    def host_key(self) -> str:
        """The server's public key, as a client knows it beforehand."""
        return " ".join(self._key.export_public_key().decode().split()[:2])

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("the server is not running")
        return int(self._server.get_port())

    def start(self) -> None:
        """Starts listening."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sample-sftp", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)

    async def _listen(self) -> asyncssh.SSHAcceptor:
        folder = str(self._folder).encode()
        return await asyncssh.listen(
            "127.0.0.1", 0, server_factory=_Server, server_host_keys=[self._key], authorized_client_keys=self._clients,
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder),
        )  # fmt: skip

    def stop(self) -> None:
        """Ends the sessions and stops listening; the server can be started again, on another port."""
        if self._loop is None or self._thread is None:
            return
        if self._server is not None:
            asyncio.run_coroutine_threadsafe(self._close(self._server), self._loop).result(30)
            self._server = None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()
        self._loop = self._thread = None

    @staticmethod
    async def _close(server: asyncssh.SSHAcceptor) -> None:
        server.close()
        await server.wait_closed()
        # sessions that a client has just left are still being put away
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def __enter__(self) -> "SftpServer":
        """Starts the server."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stops the server."""
        self.stop()
