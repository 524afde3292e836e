from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.delivery.turns import WEIGHTS, Turns
from schemas.lane import Lane


def test_each_lane_gets_its_share() -> None:
    turns = Turns()
    round_ = sum(WEIGHTS.values())
    assert Counter(turns.next(list(Lane)) for _ in range(10 * round_)) == {
        lane: 10 * weight for lane, weight in WEIGHTS.items()
    }


def test_what_is_urgent_goes_first() -> None:
    assert Turns().next([Lane.REPLAY, Lane.LOW, Lane.NORMAL, Lane.HIGH]) is Lane.HIGH


@pytest.mark.parametrize("lane", list(Lane))
def test_a_lane_alone_goes_always(lane: Lane) -> None:
    turns = Turns()
    assert {turns.next([lane]) for _ in range(10)} == {lane}


@given(st.lists(st.sets(st.sampled_from(list(Lane)), min_size=1), max_size=200))
def test_none_is_starved_whatever_the_others_do(history: list[set[Lane]]) -> None:
    turns = Turns()
    for lanes in history:
        turns.next(sorted(lanes))
    waited = 0
    while turns.next(list(Lane)) is not Lane.REPLAY:
        waited += 1
    assert waited <= 2 * sum(WEIGHTS.values())
