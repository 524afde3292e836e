"""Ports: the usual one, else a free one, and the same one again."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.log.embedded.errors import PortInUseError
from hub.log.embedded.ports import LOOPBACK, Ports, choose_ports, is_free, remember_ports, remembered_ports


@contextmanager
def listener() -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with listener() as port:
        return port


def test_a_taken_port_is_passed_over() -> None:
    with listener() as taken:
        free = free_port()

        assert choose_ports([taken, free], None).broker == free


def test_the_remembered_port_is_preferred_to_the_usual_one() -> None:
    usual, last_time = free_port(), free_port()

    assert choose_ports([usual, last_time], Ports(last_time, last_time + 1)).broker == last_time


def test_a_remembered_port_that_is_taken_gives_way() -> None:
    with listener() as taken:
        free = free_port()

        assert choose_ports([free, taken], Ports(taken, taken + 1)).broker == free


def test_a_remembered_port_does_not_overrule_the_user() -> None:
    wanted, last_time = free_port(), free_port()

    assert choose_ports([wanted], Ports(last_time, last_time + 1)).broker == wanted


def test_the_controller_never_gets_the_brokers_port() -> None:
    port = free_port()

    assert choose_ports([port], Ports(port, port)).controller != port


def test_no_free_port_is_an_error_that_names_it() -> None:
    with (
        listener() as taken,
        pytest.raises(PortInUseError, match=rf"cannot listen on port {taken} .*taken by another program"),
    ):
        choose_ports([taken], None)


def test_ports_with_closing_connections_are_free() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection((LOOPBACK, port)):
            server.accept()[0].close()  # the side that closes first keeps the port in TIME_WAIT

    assert is_free(port)


def test_ports_are_remembered_and_a_broken_memory_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    assert remembered_ports(path) is None

    remember_ports(path, Ports(9092, 9093))
    assert remembered_ports(path) == Ports(9092, 9093)

    path.write_text('{"broker": 9')
    assert remembered_ports(path) is None
