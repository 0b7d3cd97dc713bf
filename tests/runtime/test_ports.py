import socket

from optkeeper.runtime.ports import free_port, is_free


def test_a_held_port_is_passed_over_for_the_next_free_one() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        held = holder.getsockname()[1]
        assert not is_free(held)
        assert held < free_port(held) <= held + 100


def test_a_port_that_nobody_holds_is_taken_as_wanted() -> None:
    port = free_port()
    assert free_port(port) == port
