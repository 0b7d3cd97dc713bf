"""Ports of this machine: the wanted one, or the next that nobody holds."""

import errno
import socket

_INTERFACES = (
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET, ""),
    (socket.AF_INET6, "::1"),  # a browser may read localhost so
    (socket.AF_INET6, "::"),
)


def is_free(port: int) -> bool:
    """Whether nobody holds a port, on the loopback interface or on all interfaces."""
    for family, host in _INTERFACES:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
        except OSError as problem:
            if family == socket.AF_INET6 and problem.errno not in (errno.EADDRINUSE, errno.EACCES):
                continue  # this machine has no such interface
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
