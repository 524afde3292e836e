from datetime import UTC, datetime

from hub.delivery.verdict import TERMINAL, Deliver, Duplicate, Known, judge

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)


def failed(attempt: int, offset: int) -> Known:
    return Known(terminal=False, attempt=attempt, offset=offset, first_attempt=NOON)


def test_what_nobody_knows_is_delivered() -> None:
    assert judge(0, None, 10, None) == Deliver(1)


def test_what_was_written_after_two_attempts_goes_on_with_the_third() -> None:
    assert judge(2, NOON, 10, None) == Deliver(3, NOON)


def test_what_has_its_end_is_not_delivered_again() -> None:
    assert judge(0, None, 10, TERMINAL) == Duplicate()
    assert judge(5, NOON, 99, TERMINAL) == Duplicate()


def test_attempts_go_on_where_they_were_when_the_record_is_read_again() -> None:
    assert judge(0, None, 10, failed(attempt=2, offset=10)) == Deliver(3, NOON)


def test_a_copy_of_a_record_whose_attempt_was_decided_earlier_is_skipped() -> None:
    assert judge(0, None, 20, failed(attempt=1, offset=10)) == Duplicate()


def test_the_record_that_carries_a_delivery_on_is_no_copy() -> None:
    assert judge(1, LATER, 20, failed(attempt=1, offset=10)) == Deliver(2, NOON)


def test_the_original_is_delivered_although_its_copy_was_tried() -> None:
    assert judge(0, LATER, 10, failed(attempt=1, offset=20)) == Deliver(2, NOON)


def test_the_first_attempt_of_the_record_counts_where_none_is_known() -> None:
    assert judge(0, LATER, 10, Known(terminal=False, attempt=1, offset=10)) == Deliver(2, LATER)
