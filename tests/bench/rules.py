"""Rules: what deciding one event costs, for few and for very many routes, from its bytes on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from statistics import median
from typing import Any

import orjson

from hub.log.records import EventOutline, Record, encode_event
from hub.rules import RouteIndex, parse
from schemas.document import Document
from schemas.event import Event
from tests.bench.figures import Check, Row
from tests.bench.stage import Stage

_COUNTS = (10, 1_000, 10_000, 100_000)
_EVENTS = 1_000
_ROUNDS = 9
_BYTES = 900
_AIM = 1.2
"""Times the cost of ten routes, at most."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The pattern of route i, and what an event has that only this route matches."""

    name: str
    pattern: Callable[[int], dict[str, Any]]
    data: Callable[[int], dict[str, Any]]


_SHAPES = (
    _Shape("distinct", lambda i: {"data": {"queue": [f"queue-{i}"]}}, lambda i: {"queue": f"queue-{i}"}),
    _Shape(
        "a shared condition",
        lambda i: {"source": ["gemini"], "type": ["batch.succeeded"], "data": {"team": [f"team-{i}"]}},
        lambda i: {"team": f"team-{i}"},
    ),
    _Shape(
        "ranges",
        lambda i: {"type": ["batch.succeeded"], "data.size": [{"numeric": [">=", i, "<", i + 1]}]},
        lambda i: {"size": i + 0.5},
    ),
    _Shape(
        "wildcard-heavy",
        lambda i: {"type": ["batch.succeeded"], "data.path": [{"wildcard": f"projects/*/team-{i}/*/jobs/*.json"}]},
        lambda i: {"path": f"projects/eu/team-{i}/2026/jobs/7.json"},
    ),
    _Shape(
        "prefixes",
        lambda i: {"type": ["batch.succeeded"], "data.path": [{"prefix": f"projects/p{i}/"}]},
        lambda i: {"path": f"projects/p{i}/x"},
    ),
    _Shape(
        "anything but, and $or",
        lambda i: {
            "type": [{"anything-but": ["ping", f"type-{i}"]}],
            "$or": [{"data.team": [f"team-{i}"]}, {"data.owner": [{"equals-ignore-case": f"Owner-{i}"}]}],
        },
        lambda i: {"team": "another", "owner": f"owner-{i}"},
    ),
)


def run(_: Stage) -> Iterator[Row]:
    for shape in _SHAPES:
        loaded = {count: _load(shape, count) for count in _COUNTS}
        costs = _costs({count: index for count, (index, _) in loaded.items()}, shape)
        shown = "\n".join(
            f"{count:>7,} routes: {1 / costs[count]:>9,.0f} events/s, ratio {costs[count] / costs[10]:.2f}, "
            f"loaded in {seconds:.2f} s"
            for count, (_, seconds) in loaded.items()
        )
        worst = max(costs[count] / costs[10] for count in _COUNTS)
        yield Row(
            f"decide {_BYTES}-byte events, {shape.name}", shown, checks=(Check("cost", worst, _AIM, at_most=True),)
        )


def _load(shape: _Shape, count: int) -> tuple[RouteIndex, float]:
    """The index, and the seconds of parsing and compiling."""
    written = [shape.pattern(i) for i in range(count)]
    started = time.process_time()
    index = RouteIndex([parse(each) for each in written])
    return index, time.process_time() - started


def _costs(indexes: dict[int, RouteIndex], shape: _Shape) -> dict[int, float]:
    """Seconds per event. The counts take turns, so that a slow moment of the machine meets them all."""
    records = {count: [_record(shape, i * 7919 % count) for i in range(_EVENTS)] for count in indexes}
    for count, index in indexes.items():
        for i, record in enumerate(records[count][:50]):
            assert _match(index, record) == [i * 7919 % count]
    rounds = [
        {count: _seconds(index, records[count]) / _EVENTS for count, index in indexes.items()} for _ in range(_ROUNDS)
    ]
    return {count: median(each[count] for each in rounds) for count in indexes}


def _record(shape: _Shape, i: int) -> Record:
    body = {
        "type": "batch.succeeded",
        "data": {"id": f"batches/{i}", **shape.data(i), "counts": {"ok": 12, "failed": 0}},
    }
    padding = _BYTES - len(orjson.dumps(body)) - len(',"note":""')
    body["note"] = "a sentence of some length " * (padding // 26) + "." * (padding % 26)
    value = orjson.dumps(body)
    received = datetime(2026, 1, 1, tzinfo=UTC)
    return encode_event(Event("gemini", f"evt-{i}", "batch.succeeded", received, sha256(value).hexdigest(), value))


def _match(index: RouteIndex, record: Record) -> list[int]:
    return index.match(Document(EventOutline(record.headers, record.value), "data"))


def _seconds(index: RouteIndex, records: list[Record]) -> float:
    started = time.process_time()
    for record in records:
        _match(index, record)
    return time.process_time() - started
