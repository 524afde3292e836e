"""Positions: what a listener gives back is where it was, or an error that says why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.log.position import Position, PositionError

OFFSETS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=20).map(tuple)


@given(OFFSETS)
def test_a_position_survives_being_text(offsets: tuple[int, ...]) -> None:
    position = Position("0a1b2c3d", offsets)
    assert Position.parse(str(position), "0a1b2c3d", len(offsets)) == position


def test_it_moves_behind_a_record_of_one_partition() -> None:
    assert Position.of("0" * 8, {1: 5, 0: 7}).after(1, 9) == Position("0" * 8, (7, 10))


@given(st.text(max_size=50))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(PositionError):
        Position.parse(text, "none of these", 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0a1b2c3d:1.2.3", "it has 3 partitions, the topic 2"),
        ("ffffffff:1.2", "deleted and made anew"),
        ("0a1b2c3d:1.²", "is no position"),
        ("0a1b2c3d:1.-2", "is no position"),
        ("0a1b2c3d:1.2 ", "is no position"),
    ],
)
def test_a_wrong_position_is_told_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(PositionError, match=message):
        Position.parse(text, "0a1b2c3d", 2)
