"""The note beside a committed offset."""

import pytest

from hub.processors.seal import read_seal, write_seal


def test_a_seal_is_read_as_it_was_written() -> None:
    assert read_seal(write_seal(123_456_789_012)) == 123_456_789_012


@pytest.mark.parametrize("note", ["", "x", "hub:sealed-to=", "hub:sealed-to=-1", "hub:sealed-to=1 ", "hub:sealed-to=²"])
def test_the_note_of_another_tool_is_no_seal(note: str) -> None:
    assert read_seal(note) is None
