"""Rules: what matching costs per event, for few and for very many routes."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from hub.rules import RouteIndex, parse
from tests.bench.figures import Row
from tests.bench.stage import ROUNDS, Stage

_COUNTS = (10, 1_000, 100_000)
_EVENTS = 2_000
_BASE = {"source": "gemini", "type": "batch.succeeded", "id": "1", "subject": "j", "metadata": {"team": "none"}}

_SHAPES: dict[str, tuple[Callable[[int], dict[str, Any]], Callable[[int], dict[str, Any]]]] = {
    "distinct types": (lambda i: {"type": [f"t{i}"]}, lambda i: {"type": f"t{i}"}),
    "one type, distinct teams": (
        lambda i: {"source": ["gemini"], "type": ["batch.succeeded"], "metadata": {"team": [f"t{i}"]}},
        lambda i: {"metadata": {"team": f"t{i}"}},
    ),
    "one type, numeric ranges": (
        lambda i: {"type": ["batch.succeeded"], "data.size": [{"numeric": [">=", i, "<", i + 1]}]},
        lambda i: {"data": {"size": i + 0.5}},
    ),
    "one type, prefixes": (
        lambda i: {"type": ["batch.succeeded"], "subject": [{"prefix": f"p{i}/"}]},
        lambda i: {"subject": f"p{i}/x"},
    ),
}


def run(_: Stage) -> Iterator[Row]:
    for name, (pattern, event) in _SHAPES.items():
        costs = [_microseconds(count, pattern, event) for count in _COUNTS]
        shown = "  ".join(f"{count:,}: {cost:.1f} µs" for count, cost in zip(_COUNTS, costs, strict=True))
        yield Row(f"match one event, {name}", shown)


def _microseconds(
    count: int, pattern: Callable[[int], dict[str, Any]], event: Callable[[int], dict[str, Any]]
) -> float:
    index = RouteIndex([parse(pattern(i)) for i in range(count)])
    documents = [{**_BASE, **event(i * 7919 % count)} for i in range(_EVENTS)]
    assert all(index.match(document) == [i * 7919 % count] for i, document in enumerate(documents[:100]))
    return min(_seconds(index, documents) for _ in range(ROUNDS)) / _EVENTS * 1e6


def _seconds(index: RouteIndex, documents: list[dict[str, Any]]) -> float:
    started = time.perf_counter()
    for document in documents:
        index.match(document)
    return time.perf_counter() - started
