"""Every case that the public documentation of EventBridge and Event Ruler defines, and its answer.

Sources: docs.aws.amazon.com/eventbridge/latest/userguide (eb-event-patterns, eb-create-pattern-operators,
eb-event-patterns-null-values, eb-event-patterns-arrays) and the README of github.com/aws/event-ruler.
"""

from typing import Any

import pytest

from hub.rules import parse

EVENT: dict[str, Any] = {
    "source": "aws.ec2",
    "endpoint": "",
    "type": "EC2 Instance State-change Notification",
    "id": "ddddd4-aaaa-7777-4444-345dd43cc333",
    "time": "2017-10-02T16:24:49Z",
    "metadata": {"resources": ["arn:instance/i-1", "arn:group/g-1"], "empty": [], "nothing": None, "blank": ""},
    "data": {
        "c-count": 5,
        "x-limit": 301.8,
        "yes": True,
        "state": "running",
        "inner": {"c1": 100},
        "state.status": "ok",
        "employees": [
            {"firstName": "John", "lastName": "Doe"},
            {"firstName": "Anna", "lastName": "Smith", "middle": "B"},
            [{"firstName": "Peter", "lastName": "Jones"}],
        ],
        "mixed": [1, "two", [3, {"deep": 4}]],
    },
}

MATCHING: list[dict[str, Any]] = [
    # values
    {"type": ["EC2 Instance State-change Notification"]},
    {"data": {"state": ["initializing", "running"]}},
    {"endpoint": [""]},
    {"data": {"c-count": [5]}},
    {"data": {"c-count": [5.0]}},
    {"data": {"x-limit": [3.018e2]}},
    {"data": {"yes": [True]}},
    {"metadata": {"nothing": [None]}},
    {"metadata": {"blank": [""]}},
    # lists in the event: any element, through any nesting
    {"metadata": {"resources": ["arn:group/g-1"]}},
    {"data": {"mixed": ["two"]}},
    {"data": {"mixed": [3]}},
    {"data": {"mixed": {"deep": [4]}}},
    # dots and nesting are the same, in patterns and in events
    {"data.state": ["running"]},
    {"data.inner.c1": [100]},
    {"data": {"state": {"status": ["ok"]}}},
    {"data": {"state.status": ["ok"]}},
    # prefix, suffix
    {"time": [{"prefix": "2017-10-02"}]},
    {"source": [{"suffix": "ec2"}]},
    {"source": [{"prefix": ""}]},
    {"source": [{"suffix": ""}]},
    {"metadata": {"resources": [{"prefix": "arn:group"}]}},
    {"source": ["other", {"prefix": "aws"}]},
    # anything-but: holds if any value that is there is something else
    {"data": {"state": [{"anything-but": "initializing"}]}},
    {"data": {"state": [{"anything-but": ["stopped", "overloaded"]}]}},
    {"data": {"x-limit": [{"anything-but": [100, 200, 300]}]}},
    {"data": {"x-limit": [{"anything-but": "text"}]}},
    {"data": {"yes": [{"anything-but": 1}]}},
    {"metadata": {"nothing": [{"anything-but": "x"}]}},
    {"metadata": {"resources": [{"anything-but": "arn:group/g-1"}]}},
    # numeric
    {"data": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}},
    {"data": {"c-count": [{"numeric": ["<", 10]}]}},
    {"data": {"c-count": [{"numeric": [">=", 5]}]}},
    {"data": {"x-limit": [{"numeric": ["=", 3.018e2]}]}},
    # exists
    {"data": {"c-count": [{"exists": True}]}},
    {"metadata": {"nothing": [{"exists": True}]}},
    {"subject": [{"exists": False}]},
    {"data": {"d-count": [{"exists": False}]}},
    {"data": {"inner": [{"exists": False}]}},  # leaf nodes only: an object is no value
    {"metadata": {"empty": [{"exists": False}]}},
    {"data": {"inner": {"c1": {"c2": [{"exists": False}]}}}},
    {"subject": ["s", {"exists": False}]},
    # conditions on objects in a list hold for one and the same element
    {"data": {"employees": {"firstName": ["Anna"]}}},
    {"data": {"employees": {"firstName": ["Anna"], "lastName": ["Smith"]}}},
    {"data": {"employees": {"firstName": ["Peter"], "lastName": ["Jones"]}}},
    {"data": {"employees": {"firstName": ["John"], "middle": [{"exists": False}]}}},
    {"data": {"employees": {"middle": ["B"], "age": [{"exists": False}]}}},
    {"data": {"employees": {"age": [{"exists": False}]}}},
    {"data": {"mixed": [1], "mixed.deep": [4]}},
    # all fields
    {"source": ["aws.ec2"], "data": {"state": ["running"], "c-count": [{"numeric": [">", 0]}]}},
]

NOT_MATCHING: list[dict[str, Any]] = [
    {"type": ["ec2 instance state-change notification"]},
    {"data": {"c-count": ["5"]}},
    {"data": {"c-count": [True]}},
    {"data": {"yes": [1]}},
    {"data": {"yes": ["true"]}},
    {"metadata": {"nothing": [""]}},
    {"metadata": {"blank": [None]}},
    {"subject": [None]},
    {"metadata": {"empty": [{"exists": True}]}},
    {"data": {"inner": [{"exists": True}]}},
    {"data": {"inner": [{"anything-but": "x"}]}},
    {"data": {"c-count": [{"exists": False}]}},
    {"metadata": {"nothing": [{"exists": False}]}},
    {"data": {"d-count": [{"exists": True}]}},
    {"data": {"d-count": [{"anything-but": 3}]}},
    {"data": {"state": [{"anything-but": ["running"]}]}},
    {"data": {"c-count": [{"anything-but": 5.0}]}},
    {"data": {"c-count": [{"prefix": "5"}]}},
    {"data": {"c-count": [{"suffix": "5"}]}},
    {"data": {"state": [{"numeric": [">", 0]}]}},
    {"data": {"yes": [{"numeric": ["=", 1]}]}},
    {"data": {"c-count": [{"numeric": [">", 5]}]}},
    {"data": {"c-count": [{"numeric": ["<", 5]}]}},
    {"data": {"c-count": [{"numeric": [">=", 0, "<", 5]}]}},
    {"data": {"employees": {"firstName": ["Anna"], "lastName": ["Jones"]}}},
    {"data": {"employees": {"firstName": ["Anna"], "middle": [{"exists": False}]}}},
    {"data": {"employees": {"middle": [{"exists": False}]}}},
    {"data": {"state": {"running": ["x"]}}},
    {"source": ["aws.ec2"], "data": {"state": ["stopped"]}},
]


@pytest.mark.parametrize("pattern", MATCHING, ids=str)
def test_documented_cases_that_match(pattern: dict[str, Any]) -> None:
    assert parse(pattern).matches(EVENT)


@pytest.mark.parametrize("pattern", NOT_MATCHING, ids=str)
def test_documented_cases_that_do_not_match(pattern: dict[str, Any]) -> None:
    assert not parse(pattern).matches(EVENT)


def test_a_number_beyond_64_bits_is_compared_exactly() -> None:
    pattern = parse({"data.n": [2**70 + 1]})
    assert pattern.matches({"data": {"n": 2**70 + 1}})
    assert not pattern.matches({"data": {"n": 2**70}})
    assert not pattern.matches({"data": {"n": float(2**70)}})


def test_patterns_are_values() -> None:
    one, same, other = parse({"type": ["a"]}), parse({"type": ["a"]}), parse({"type": ["b"]})
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "type"
    assert repr(one) == "Pattern({'type': ['a']})"
