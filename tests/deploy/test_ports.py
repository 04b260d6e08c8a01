import socket
from collections.abc import Iterator

import pytest

from deploy.local.ports import LOOPBACK, Wanted, free_port, is_open, require_free
from foundation.errors import ConflictError


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_what_wants_it_and_how_to_change_it(taken_port: int) -> None:
    wanted = [Wanted(free_port(), "The API", "--api-port"), Wanted(taken_port, "The UI", "--ui")]
    with pytest.raises(ConflictError) as refused:
        require_free(wanted)
    message = str(refused.value)
    assert f"Port {taken_port} is taken. The UI wants it: choose another with --ui" in message
    assert "The API" not in message


def test_all_taken_ports_are_named_at_once(taken_port: int) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConflictError) as refused:
            require_free([Wanted(taken_port, "The API", "a"), Wanted(port, "The UI", "b")])
    assert f"Port {taken_port} is taken" in str(refused.value)
    assert f"Port {port} is taken" in str(refused.value)


def test_one_port_for_two_parts_is_refused() -> None:
    port = free_port()
    with pytest.raises(ConflictError, match="wanted twice"):
        require_free([Wanted(port, "The API", "a"), Wanted(port, "The UI", "b")])


def test_a_port_whose_connections_have_just_ended_is_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            accepted, _ = server.accept()
            accepted.close()
    require_free([Wanted(port, "The API", "a")])


def test_an_open_port_is_told_from_a_closed_one(taken_port: int) -> None:
    assert is_open(LOOPBACK, taken_port)
    assert not is_open(LOOPBACK, free_port())
