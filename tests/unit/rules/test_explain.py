from typing import Any

import pytest

from hub.rules import Mismatch, explain, parse

CASES: list[tuple[dict[str, Any], dict[str, Any], tuple[str, str, str] | None]] = [
    ({"type": ["a"]}, {"type": "a"}, None),
    ({"type": ["a", "b"]}, {"type": "c"}, ("type", '["a", "b"]', '"c"')),
    ({"metadata": {"priority": ["high"]}}, {"metadata": {}}, ("metadata.priority", '["high"]', "no value")),
    ({"data": {"n": [5]}}, {"data": {"n": [1, 2]}}, ("data.n", "[5]", "the values [2, 1]")),
    ({"type": ["a"], "source": ["x"]}, {"type": "a", "source": "y"}, ("source", '["x"]', '"y"')),
    ({"subject": [{"exists": False}], "type": ["a"]}, {"subject": "s", "type": "b"}, ("type", '["a"]', '"b"')),
    ({"subject": [{"exists": False}]}, {"subject": "s"}, ("subject", '[{"exists": false}]', '"s"')),
    (
        {"source": ["x"], "$or": [{"type": ["a"]}, {"id": ["1"], "subject": ["s"]}]},
        {"source": "y", "type": "b", "id": "1"},
        ("source", '["x"]', '"y"'),
    ),
    (
        {"source": ["x"], "$or": [{"type": ["a"]}, {"id": ["1"], "subject": ["s"]}]},
        {"source": "x", "type": "b", "id": "1", "subject": "t"},
        ("subject", '["s"], or another alternative of `$or`', '"t"'),
    ),
    (
        {"$or": [{"type": ["a"]}, {"id": ["1"]}], "source": ["x"]},
        {"source": "y", "type": "b", "id": "1"},
        ("source", '["x"]', '"y"'),
    ),
    (
        {"data": {"e": {"first": ["Anna"], "last": ["Jones"]}}},
        {"data": {"e": [{"first": "Anna", "last": "Smith"}, {"last": "Jones"}]}},
        (
            "data.e.last",
            '["Jones"] in the same list element as the conditions before it',
            'the values ["Jones", "Smith"]',
        ),
    ),
]


@pytest.mark.parametrize(("pattern", "document", "expected"), CASES, ids=lambda case: str(case)[:50])
def test_the_first_condition_that_failed_is_named_with_what_was_there(
    pattern: dict[str, Any], document: dict[str, Any], expected: tuple[str, str, str] | None
) -> None:
    assert explain(parse(pattern), document) == (Mismatch(*expected) if expected else None)


def test_an_explanation_is_a_short_sentence() -> None:
    mismatch = explain(parse({"type": ["a"]}), {"type": "x" * 10_000})
    assert mismatch is not None
    assert str(mismatch).startswith('type: expected ["a"], got "xxx')
    assert len(str(mismatch)) < 300
