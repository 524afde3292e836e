import json
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.rules import parse
from schemas.document import Document
from schemas.event import Event
from schemas.exact_json import MAX_DIGITS, dumps, loads, restore
from tests.unit.log.test_outline import FULL

EXACT: dict[str, int | float] = {
    "18446744073709551615": 2**64 - 1,
    "18446744073709551616": 2**64,
    "-9223372036854775809": -(2**63) - 1,
    "123456789012345678901": 123456789012345678901,
    "123456789012345678901.0": 123456789012345678901,
    "9007199254740993.0": 9007199254740993,
    "9.007199254740993e15": 9007199254740993,
    "1e23": 10**23,
    "1E+23": 10**23,
    "12345678901234567890123e2": 1234567890123456789012300,
    "1e400": 10**400,
    "-1e400": -(10**400),
    "9" * MAX_DIGITS: int("9" * MAX_DIGITS),
    "1e0": 1,
    "1.50": 1.5,
    "9007199254740993.5": 9007199254740994.0,
    "1e-400": 0,
    "0e999999999999": 0,
}


@pytest.mark.parametrize("text", EXACT, ids=lambda text: text[:30])
@pytest.mark.parametrize("form", ["{}", " {} ", "[{}]", '{{"a": [1, {}], "b": "\\"1e400"}}', '{{"a":"\\\\","b":{}\n}}'])
def test_a_whole_number_is_exact_however_it_is_written_and_wherever_it_stands(form: str, text: str) -> None:
    expected = json.loads(form.format("0"))
    found = loads(form.format(text).encode())
    for _ in range(3):  # down to the number
        if isinstance(found, dict):
            assert found.keys() == expected.keys()
            found = found["b"] if not isinstance(found["b"], str) else found["a"]
        elif isinstance(found, list):
            found = found[-1]
    assert found == EXACT[text]


@pytest.mark.parametrize(
    "text",
    [
        "01234567890123456789",
        "NaN",
        "[Infinity,12345678901234567890]",
        "12345678901234567890 1",
        "1e5000",
        "1" * 5000,
        "1e99999999999999999999999",
        '"\\ud800 12345678901234567890"',
        '"12345678901234567890\n"',
        "[1e20,]",
        "",
    ],
)
def test_what_is_no_json_or_no_number_anybody_can_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        loads(text.encode())


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        loads(b'"\xff 12345678901234567890"')


@pytest.mark.parametrize("depth", [900, 1020])
def test_depth_does_not_matter_as_far_as_orjson_goes(depth: int) -> None:
    value = loads(b"[" * depth + b"12345678901234567890123" + b"]" * depth)
    for _ in range(depth):
        value = value[0]
    assert math.isclose(value, 12345678901234567890123)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: "Infinity" not in json.dumps(value))


@given(JSON)
def test_what_is_written_is_read_again_and_nothing_is_rounded(value: Any) -> None:
    assert restore(dumps(value)) == value


def test_what_json_has_no_word_for_is_refused() -> None:
    for value in (object(), [2**70, object()]):
        with pytest.raises(orjson.JSONEncodeError):
            dumps(value)
    deep: Any = 2**70
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(orjson.JSONEncodeError):
        dumps(deep)


@pytest.mark.parametrize(
    ("body", "matches"),
    [
        (b'{"data": {"id": 123456789012345678901234567890}}', True),
        (b'{"data": {"id": 123456789012345678901234567890.0}}', True),
        (b'{"data": {"id": 1.2345678901234567890123456789e29}}', True),
        (b'{"data": {"id": 123456789012345678901234567891}}', False),
        (b'{"data": {"id": "123456789012345678901234567890"}}', False),
    ],
)
def test_a_pattern_tells_neighbours_apart_from_the_bytes_on(body: bytes, matches: bool) -> None:
    event = Event(source="s", id="1", type="t", received=FULL.received, digest="", body=body)
    assert parse({"data.id": [123456789012345678901234567890]}).matches(Document(event, "data")) == matches
