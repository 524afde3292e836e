"""Which loopback ports the broker listens on: the same as last time if they are free."""

import errno
import json
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.log.embedded.errors import PortInUseError

LOOPBACK = "127.0.0.1"
DEFAULT_PORTS: Sequence[int] = range(9092, 9192)  # below the ports that systems lend to outgoing connections
_CONTROLLER_PORTS = 100


@dataclass(frozen=True, slots=True)
class Ports:
    """The clients' listener, and the one on which the broker talks to its own controller."""

    broker: int
    controller: int


def choose_ports(candidates: Sequence[int], remembered: Ports | None) -> Ports:
    """The remembered port if it is free and still allowed, else the first free candidate.

    Raises:
        PortInUseError: every candidate is taken.
    """
    first = [remembered.broker] if remembered and remembered.broker in candidates else []
    broker = next(_free([*first, *candidates]), None)
    if broker is None:
        one_of = f"port {candidates[0]}" if len(candidates) == 1 else f"a port of {candidates[0]}-{candidates[-1]}"
        raise PortInUseError(
            f"Kafka cannot listen on {one_of} of {LOOPBACK}: taken by another program. Stop that program "
            f"(`ss -ltnp` or `lsof -i :{candidates[0]}` names it), or let the hub choose a port"
        )
    again = [remembered.controller] if remembered else []
    around = range(broker + 1, min(broker + 1 + _CONTROLLER_PORTS, 65536))
    controller = next((port for port in _free([*again, *around]) if port != broker), None)
    if controller is None:
        raise PortInUseError(f"Kafka's controller needs a free port near {broker} on {LOOPBACK}; all are taken")
    return Ports(broker, controller)


def is_free(port: int) -> bool:
    """Whether a listener could bind it now. Kafka sets SO_REUSEADDR, so closing connections do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
        return True


def remembered_ports(path: Path) -> Ports | None:
    try:
        return Ports(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):  # none yet, or half written: choosing again is harmless
        return None


def remember_ports(path: Path, ports: Ports) -> None:
    path.write_text(json.dumps(asdict(ports)))


def _free(ports: Iterable[int]) -> Iterator[int]:
    return (port for port in ports if is_free(port))
