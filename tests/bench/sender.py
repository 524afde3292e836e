"""The load generator, a process of its own: raw connections and a C parser, so that it is not what is measured.

``python -m tests.bench.sender --port P --path /in/gemini --connections 32 --seconds 3`` sends as fast as it is
answered; with ``--rate`` it keeps to that many requests per second whatever the answers, and a latency counts from the
moment a request was due. It prints one JSON object (`Report`).
"""

import argparse
import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import cast

import httptools
import orjson
import uvloop

from tests.bench.figures import percentile
from tests.bench.webhooks import event_id, signed_request

_POOL = 4000  # requests signed in advance; ids repeat after that many


@dataclass(frozen=True, slots=True)
class Report:
    """Of the time after the warm-up; ``total`` counts the warm-up too. ``due`` (only with a rate): event id → when its
    request was due, in nanoseconds of the wall clock.
    """

    requests: int
    total: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    due: dict[str, int]


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request at a time."""

    def __init__(self, answered: Callable[["Connection"], None]) -> None:
        self._answered = answered
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport | None = None
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status != 202:
            sys.exit(f"an answer was {status}, expected 202")
        self._answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            sys.exit(f"a connection was lost: {exc}")

    def send(self, request: bytes, due: float) -> None:
        assert self.transport is not None
        self.due = due
        self.transport.write(request)


class Sender:
    def __init__(self, requests: list[bytes], warm_up: float) -> None:
        self._requests = requests
        self._measured_from = time.perf_counter() + warm_up
        self._idle: deque[Connection] = deque()
        self._waiting: deque[tuple[int, float]] = deque()
        self.latencies: list[float] = []
        self.total = 0
        self.progress = asyncio.Event()
        self.last = 0.0

    async def connect(self, port: int, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, connection = await loop.create_connection(lambda: Connection(self.answered), "127.0.0.1", port)
            self._idle.append(connection)

    def request(self, number: int, due: float) -> None:
        """Send on an idle connection, or on the first that becomes idle."""
        if self._idle:
            self._idle.popleft().send(self._requests[number % len(self._requests)], due)
        else:
            self._waiting.append((number, due))

    def answered(self, connection: Connection) -> None:
        self.last = time.perf_counter()
        self.total += 1
        self.progress.set()
        if connection.due >= self._measured_from:
            self.latencies.append(self.last - connection.due)
        if self._waiting:
            number, due = self._waiting.popleft()
            connection.send(self._requests[number % len(self._requests)], due)
        else:
            self._idle.append(connection)
            self.became_idle()

    def became_idle(self) -> None:
        """With a rate, nothing: the next request has its time."""

    def report(self, due: dict[str, int]) -> Report:
        ordered = sorted(self.latencies)
        return Report(
            requests=len(ordered),
            total=self.total,
            seconds=self.last - self._measured_from,
            p50=percentile(ordered, 0.5) * 1e3,
            p99=percentile(ordered, 0.99) * 1e3,
            cpu=time.process_time(),
            due=due,
        )


class Closed(Sender):
    """Every connection sends its next request as soon as the last is answered."""

    sent = 0
    stopping = False

    def became_idle(self) -> None:
        if not self.stopping:
            self.sent += 1
            self.request(self.sent, time.perf_counter())


async def closed(port: int, requests: list[bytes], connections: int, warm_up: float, seconds: float) -> Report:
    sender = Closed(requests, warm_up)
    await sender.connect(port, connections)
    for _ in range(connections):
        sender.became_idle()
    await asyncio.sleep(warm_up + seconds)
    sender.stopping = True
    return sender.report({})


async def paced(port: int, requests: list[bytes], connections: int, rate: float, first: int) -> Report:
    sender = Sender(requests, warm_up=0)
    await sender.connect(port, connections)
    due: dict[str, int] = {}
    start, start_ns = time.perf_counter(), time.time_ns()
    for number in range(len(requests)):
        offset = number / rate
        await asyncio.sleep(max(0.0, start + offset - time.perf_counter()))
        due[event_id(first + number)] = start_ns + int(offset * 1e9)
        sender.request(number, start + offset)
    while sender.total < len(due):
        sender.progress.clear()
        await sender.progress.wait()
    return sender.report(due)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--first", type=int, default=0, help="number of the first event, with a rate")
    given = parser.parse_args()
    if given.rate is None:
        requests = [signed_request(number, given.path) for number in range(_POOL)]
        report = uvloop.run(closed(given.port, requests, given.connections, given.warm_up, given.seconds))
    else:
        numbers = range(given.first, given.first + int(given.rate * given.seconds))
        requests = [signed_request(number, given.path) for number in numbers]
        report = uvloop.run(paced(given.port, requests, given.connections, given.rate, given.first))
    sys.stdout.buffer.write(orjson.dumps(asdict(report)))


if __name__ == "__main__":
    main()
