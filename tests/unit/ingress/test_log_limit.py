"""A flood of refusals is counted, not written."""

import logging

from hub.ingress.log_limit import LogLimit


def test_a_flood_is_held_back_and_counted_with_the_next_line() -> None:
    now = 0.0
    limit = LogLimit(burst=3, interval=10, clock=lambda: now)

    def passes() -> logging.LogRecord | None:
        record = logging.makeLogRecord({})
        return record if limit.filter(record) else None

    assert [passes() is not None for _ in range(5)] == [True, True, True, False, False]
    now = 10.0
    record = passes()
    assert record is not None
    assert record.__dict__["suppressed"] == 2
    later = passes()
    assert later is not None
    assert "suppressed" not in later.__dict__
