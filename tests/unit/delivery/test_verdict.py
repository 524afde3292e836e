from datetime import UTC, datetime

from hub.delivery.verdict import TERMINAL, Deliver, Duplicate, Known, Position, judge
from schemas.lane import Lane

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)


def at(offset: int, lane: Lane = Lane.NORMAL) -> Position:
    return Position(lane, offset)


def failed(attempt: int, where: Position, *, moved: bool = False) -> Known:
    return Known(terminal=False, attempt=attempt, at=where, moved=moved, first_attempt=NOON)


def test_what_nobody_knows_is_delivered() -> None:
    assert judge(0, None, at(10), None) == Deliver(1)


def test_what_was_written_after_two_attempts_goes_on_with_the_third() -> None:
    assert judge(2, NOON, at(10), None) == Deliver(3, NOON)


def test_what_has_its_end_is_not_delivered_again() -> None:
    assert judge(0, None, at(10), TERMINAL) == Duplicate()
    assert judge(5, NOON, at(99), TERMINAL) == Duplicate()


def test_attempts_go_on_where_they_were_when_a_record_that_waits_here_is_read_again() -> None:
    assert judge(0, None, at(10), failed(2, at(10))) == Deliver(3, NOON)


def test_a_record_whose_delivery_moved_to_a_retry_tier_is_done() -> None:
    """The worker died after the outcome and before the commit: the record of the tier carries the delivery on."""
    assert judge(0, None, at(10), failed(1, at(10), moved=True)) == Duplicate()


def test_the_record_that_came_back_from_the_tier_carries_it_on() -> None:
    assert judge(1, LATER, at(20), failed(1, at(10), moved=True)) == Deliver(2, NOON)


def test_the_original_is_done_while_what_came_back_is_tried() -> None:
    assert judge(0, None, at(10), failed(2, at(20), moved=True)) == Duplicate()


def test_a_copy_of_a_record_whose_attempt_was_decided_is_skipped() -> None:
    assert judge(0, None, at(20), failed(1, at(10))) == Duplicate()
    assert judge(1, NOON, at(30), failed(2, at(20), moved=True)) == Duplicate()


def test_a_copy_in_another_lane_is_skipped() -> None:
    """Route was interrupted, and the rules gave the event another priority when it was read again."""
    assert judge(0, None, at(10, Lane.HIGH), failed(1, at(10))) == Duplicate()


def test_the_first_attempt_of_the_record_counts_where_none_is_known() -> None:
    assert judge(0, LATER, at(10), Known(terminal=False, attempt=1, at=at(10))) == Deliver(2, LATER)
