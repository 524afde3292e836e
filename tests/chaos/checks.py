"""Every promise. Each check tells what it counted, and what violates it."""

from collections.abc import Callable, Sequence

from tests.chaos.collected import Collected
from tests.chaos.destination_checks import (
    dead_is_poison,
    decided_is_ended,
    delivered_has_arrived,
    lines_are_events,
    repeats_have_reasons,
    rows_are_events,
    subjects_are_in_order,
)
from tests.chaos.log_checks import (
    accepted_is_stored,
    every_event_is_decided,
    everything_is_signed,
    everything_is_worked_off,
    garbage_is_buried,
    too_late_is_refused,
)
from tests.chaos.verdict import Verdict

LOG_CHECKS: Sequence[Callable[[Collected], Verdict]] = (
    accepted_is_stored,
    too_late_is_refused,
    every_event_is_decided,
    garbage_is_buried,
    everything_is_signed,
    everything_is_worked_off,
)
ENDPOINT_CHECKS: Sequence[Callable[[Collected, str], Verdict]] = (
    decided_is_ended,
    dead_is_poison,
    delivered_has_arrived,
    repeats_have_reasons,
    subjects_are_in_order,
)
TABLE_CHECKS: Sequence[Callable[[Collected, str], Verdict]] = (
    decided_is_ended,
    dead_is_poison,
    rows_are_events,
    subjects_are_in_order,
)
ARCHIVE_CHECKS: Sequence[Callable[[Collected, str], Verdict]] = (
    decided_is_ended,
    dead_is_poison,
    lines_are_events,
    subjects_are_in_order,
)


def judge(collected: Collected) -> list[Verdict]:
    """Every promise that can be judged by what was collected."""
    return [
        *(check(collected) for check in LOG_CHECKS),
        *(check(collected, name) for name in collected.rows for check in TABLE_CHECKS),
        *(check(collected, name) for name in collected.lines for check in ARCHIVE_CHECKS),
        *(check(collected, name) for name in collected.arrivals for check in ENDPOINT_CHECKS),
    ]
