"""Rules: what deciding one event costs, for few and for very many routes, from its bytes on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from statistics import median
from types import SimpleNamespace
from typing import Any

import orjson

from connectors.api import Options
from hub.config.deciding import Rules
from hub.config.loading import without_collection
from hub.config.model import Configuration, LogConfig, RetryConfig, Route, Target, Where
from hub.log.records import EventOutline, Record, encode_event
from hub.processors.route import route_batch
from hub.rules import Pattern, parse
from schemas.event import Event
from tests.bench.figures import Check, Row
from tests.bench.stage import Stage

_COUNTS = (10, 1_000, 10_000, 100_000)
_EVENTS = 1_000
_ROUNDS = 9
_BYTES = 900
_AIM = 1.2
"""Times the cost of ten routes, at most."""
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_TARGET = Target("out", Options(), RetryConfig())


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


def run(_stage: Stage) -> Iterator[Row]:
    for shape in _SHAPES:
        loaded = {count: _load(shape, count) for count in _COUNTS}
        costs = _costs({count: rules for count, (rules, _) in loaded.items()}, shape)
        few = costs[10]
        for count, (_, seconds) in loaded.items():
            one = costs[count]
            yield Row(
                f"{shape.name}, {count:,} routes, loaded in {seconds:.2f} s",
                f"match {1 / one.match:,.0f} events/s, {one.match * 1e6:.1f} µs",
                f"{one.whole * 1e6:.1f} µs for an event;\n+{(one.lookup - few.lookup) * 1e6:.2f} µs for a name",
                "all that the router does with it;\nmore than among ten in a plain dict",
                [
                    Check("router", one.whole / few.whole, _AIM, at_most=True),
                    Check("match", one.match / few.match, _AIM, at_most=True),
                ],
            )


@dataclass(frozen=True, slots=True)
class _Costs:
    """Seconds per event: of finding its routes, from the record's bytes on; of all that the router does between two
    topics; and, to tell what memory alone costs, of looking up one name among as many in a plain dict.
    """

    match: float
    whole: float
    lookup: float


def _load(shape: _Shape, count: int) -> tuple[Rules, float]:
    """The rules, and the seconds of parsing patterns and compiling them."""
    written = [shape.pattern(i) for i in range(count)]
    started = time.process_time()
    with without_collection():
        routes = tuple(_route(i, parse(each)) for i, each in enumerate(written))
        rules = Rules(Configuration("hub", LogConfig(), {}, {}, routes, (), revision="abc123"))
    return rules, time.process_time() - started


def _route(i: int, when: Pattern) -> Route:
    return Route(f"route-{i}", when, (_TARGET,), Where("hub.yaml", i))


def _costs(loaded: dict[int, Rules], shape: _Shape) -> dict[int, _Costs]:
    """The counts take turns, so that a slow moment of the machine meets them all."""
    chosen = {count: [i * 7919 % count for i in range(_EVENTS)] for count in loaded}
    records = {count: [_record(shape, i) for i in chosen[count]] for count in loaded}
    names = {count: {f"team-{i}": i for i in range(count)} for count in loaded}
    asked = {count: [f"team-{i}" for i in chosen[count]] for count in loaded}
    for count, rules in loaded.items():
        for i, record in zip(chosen[count][:50], records[count][:50], strict=True):
            assert [each.id for each in _match(rules, record)] == [f"route-{i}"]
    rounds = [
        {
            count: _Costs(
                _seconds(lambda: [_match(rules, record) for record in records[count]]),  # noqa: B023  # called at once
                _seconds(lambda: route_batch([_received(each) for each in records[count]], rules, _NOW)),  # noqa: B023
                _seconds(lambda: [names[count][name] for name in asked[count]]),  # noqa: B023
            )
            for count, rules in loaded.items()
        }
        for _ in range(_ROUNDS)
    ]
    return {
        count: _Costs(*(median(getattr(each[count], name) for each in rounds) for name in ("match", "whole", "lookup")))
        for count in loaded
    }


def _match(rules: Rules, record: Record) -> list[Route]:
    return rules.routes(rules.document(EventOutline(record.headers, record.value)))


def _received(record: Record) -> Any:
    """As far as the router looks at it."""
    return SimpleNamespace(record=record, offset=0)


def _record(shape: _Shape, i: int) -> Record:
    body = {"type": "batch.succeeded", "id": f"batches/{i}", **shape.data(i), "counts": {"ok": 12, "failed": 0}}
    padding = _BYTES - len(orjson.dumps(body)) - len(',"note":""')
    body["note"] = "a sentence of some length " * (padding // 26) + "." * (padding % 26)
    value = orjson.dumps(body)
    return encode_event(Event("gemini", f"evt-{i}", "batch.succeeded", _NOW, sha256(value).hexdigest(), value))


def _seconds(work: Callable[[], object]) -> float:
    """For one of the events."""
    started = time.process_time()
    work()
    return (time.process_time() - started) / _EVENTS
