"""Ports of this machine: the wanted one, or the next that nobody holds."""

import socket


def is_free(port: int) -> bool:
    """Whether a server could listen on a port of the loopback interface and of all interfaces now."""
    for host in ("127.0.0.1", ""):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                return False
    return True


def free_port(wanted: int | None = None) -> int:
    """The wanted port or one of the hundred above it; any free one where none is wanted.

    Raises:
        OSError: all of those are held.
    """
    if wanted is None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port
    for port in range(wanted, wanted + 100):
        if is_free(port):
            return port
    raise OSError(f"no free port from {wanted} to {wanted + 99}")
