"""The last control of a destination counts; what is no control changes nothing."""

from datetime import UTC, datetime

import pytest

from hub.log.control_table import ControlTable
from hub.log.records import MalformedRecordError, NewerFormatError, encode_control
from schemas.control import Control

NOW = datetime(2026, 2, 3, tzinfo=UTC)


def control(destination: str, *, paused: bool, reason: str = "") -> Control:
    return Control(destination, paused, "ada", reason, NOW)


def learned(*controls: Control) -> ControlTable:
    table = ControlTable()
    for one in controls:
        record = encode_control(one)
        table.learn(record.key, record.value)
    return table


def test_the_last_one_of_a_destination_counts() -> None:
    a, b = control("a", paused=True), control("b", paused=True, reason="first")
    again = control("b", paused=True, reason="second")
    assert not ControlTable().paused()
    assert learned(a, b, again).paused() == {"a": a, "b": again}
    assert learned(a, b, control("a", paused=False)).paused() == {"b": b}
    assert learned(control("a", paused=False), a).paused() == {"a": a}


def test_a_record_without_a_value_undoes_those_before_it() -> None:
    table = learned(control("a", paused=True), control("b", paused=True))
    table.learn(b"a", None)
    table.learn(b"never there", None)
    assert table.paused().keys() == {"b"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, None),
        (None, b"{}"),
        (b"a", b"what is this"),
        (b"a", encode_control(control("b", paused=False)).value),
        (None, encode_control(control("a", paused=False)).value),
    ],
)
def test_what_is_no_control_changes_nothing(key: bytes | None, value: bytes | None) -> None:
    table = learned(control("a", paused=True), control("b", paused=True))
    with pytest.raises(MalformedRecordError):
        table.learn(key, value)
    assert table.paused().keys() == {"a", "b"}


def test_a_newer_one_is_not_skipped() -> None:
    with pytest.raises(NewerFormatError):
        learned().learn(b"a", b'{"format": 2}')
