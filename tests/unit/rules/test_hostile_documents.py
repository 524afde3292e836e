import time
from typing import Any

import pytest

from hub.rules import RouteIndex, explain, parse

PATTERNS = [
    parse({"data": [1], "data.a": {"b": [1]}}),
    parse({"data": {"a": {"b": ["x"], "c": [{"exists": False}]}}}),
    parse({"data": {"a": {"x": [1], "y": [1], "z": [{"anything-but": 1}]}}}),
    parse({"data": {"a.b": [{"numeric": [">", 1e308]}]}}),
    parse({"body": [{"exists": True}]}),
]


def deep(opening: Any, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = opening(value)
    return value


HOSTILE: dict[str, Any] = {
    "a hundred thousand brackets": deep(lambda inner: [inner], 100_000),
    "ten thousand nested objects": deep(lambda inner: {"a": inner}, 10_000),
    "objects and lists by turns": deep(lambda inner: {"a": [inner]}, 10_000),
    "a key of ten thousand dots": {"." * 10_000: 1, "a." * 10_000: 1, "a.b": deep(lambda inner: [inner], 10_000)},
    "a wide list of objects": {"a": [{"x": 1}] * 5000 + [{"y": 1}] * 5000},
    "keys that are no text": {1: 2, None: 3, False: {"a": 4}, "a": {5: 6}},
    "numbers at the edge": {"a": {"b": [float("nan"), float("inf"), 10**400, -(10**400)]}},
    "lone surrogates": {"a": {"b": "\ud800"}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_document_makes_matching_raise_or_hang(name: str) -> None:
    document = {"data": HOSTILE[name], "body": HOSTILE[name]}
    started = time.process_time()
    matched = RouteIndex(PATTERNS * 3).match(document)
    assert matched == [i for i, pattern in enumerate(PATTERNS * 3) if pattern.matches(document)]
    for pattern in PATTERNS:
        explain(pattern, document)
    assert time.process_time() - started < 5
