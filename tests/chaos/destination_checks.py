"""The promises about each destination: pure functions of what was collected."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from schemas.identity import DeliveryId
from schemas.lane import Lane
from schemas.outcome import OutcomeState
from tests.chaos.collected import Arrival, Body, Collected
from tests.chaos.deliveries import Decided, decided, first_ends
from tests.chaos.schedule import Window
from tests.chaos.verdict import Verdict

BEFORE, AFTER = 10.0, 20.0
"""Seconds around a fault in which an effect may be in flight: a call may last 5 s, and its outcome wait for as long to
be written; a group that lost a member settles, and cancels what it began, within one session and one rebalance.
"""


def decided_is_ended(collected: Collected, destination: str) -> Verdict:
    due, ends = decided(collected, destination), first_ends(collected, destination)
    all_ends: dict[DeliveryId, list[OutcomeState]] = defaultdict(list)
    for logged in collected.outcomes.get(destination, ()):
        if logged.outcome.state.terminal:
            all_ends[logged.outcome.delivery].append(logged.outcome.state)
    violations = [f"{delivery} never ended" for delivery in due if delivery not in ends]
    violations += [f"{delivery} ended and was never decided" for delivery in ends if delivery not in due]
    violations += [
        f"{delivery} ended as {set(states)}" for delivery, states in all_ends.items() if len(set(states)) > 1
    ]
    states = Counter(ends.values())
    counts: dict[str, int] = {"decided": len(due)}
    counts |= {str(state): states[state] for state in OutcomeState if state.terminal}
    counts["superseded"] = sum(len(each) - 1 for each in all_ends.values())
    return Verdict(f"{destination}: delivered + dead + discarded = decided", counts, violations)


def dead_is_poison(collected: Collected, destination: str) -> Verdict:
    """Nothing dies but what the destination refuses for good; and that is kept."""
    due, ends = decided(collected, destination), first_ends(collected, destination)
    poison = {one.event.digest for one in collected.accepted if one.event.refused_by == destination}
    letters = {letter.delivery for letter in collected.dead_letters}
    dead = {delivery for delivery, state in ends.items() if state is OutcomeState.DEAD}
    violations = [
        f"{delivery} died of the faults" for delivery in dead & set(due) if due[delivery].body[1] not in poison
    ]
    violations += [f"{delivery} is dead and no dead letter" for delivery in dead - letters]
    violations += [
        f"{one.delivery} was delivered, though it is refused"
        for one in due.values()
        if one.body[1] in poison and ends.get(one.delivery) is OutcomeState.DELIVERED
    ]
    return Verdict(f"{destination}: only what it refuses is dead, and kept", {"dead": len(dead)}, violations)


def delivered_has_arrived(collected: Collected, destination: str) -> Verdict:
    due, ends = decided(collected, destination), first_ends(collected, destination)
    delivered = {one.body for one in due.values() if ends.get(one.delivery) is OutcomeState.DELIVERED}
    arrived = {(one.event_id, one.digest) for one in collected.arrivals[destination]}
    violations = [f"{body[0]} is called delivered and never arrived" for body in sorted(delivered - arrived)]
    violations += [f"{body[0]} arrived and is not called delivered" for body in sorted(arrived - delivered)]
    counts = {"delivered": len(delivered), "arrived": len(arrived)}
    return Verdict(f"{destination}: has what was delivered, byte for byte", counts, violations)


def rows_are_events(collected: Collected, destination: str) -> Verdict:
    """An id that was used again is one row, as the destination is configured."""
    due, ends = decided(collected, destination), first_ends(collected, destination)
    delivered = {one.body[0] for one in due.values() if ends.get(one.delivery) is OutcomeState.DELIVERED}
    rows = Counter(collected.rows[destination])
    violations = [f"{event_id} is called delivered and has no row" for event_id in sorted(delivered - set(rows))]
    violations += [f"{event_id} has a row and is not called delivered" for event_id in sorted(set(rows) - delivered)]
    violations += [f"{event_id} has {count} rows" for event_id, count in rows.items() if count > 1]
    counts = {"delivered": len(delivered), "rows": rows.total()}
    return Verdict(f"{destination}: holds each event exactly once", counts, violations)


def lines_are_events(collected: Collected, destination: str) -> Verdict:
    due, ends = decided(collected, destination), first_ends(collected, destination)
    delivered = {one.body for one in due.values() if ends.get(one.delivery) is OutcomeState.DELIVERED}
    lines = Counter(collected.lines[destination])
    violations = [f"{body[0]} is called delivered and is in no object" for body in sorted(delivered - set(lines))]
    violations += [f"{body[0]} is archived and not called delivered" for body in sorted(set(lines) - delivered)]
    violations += [f"{body[0]} is archived {count} times" for body, count in lines.items() if count > 1]
    counts = {"delivered": len(delivered), "lines": lines.total()}
    return Verdict(f"{destination}: has each event in exactly one object", counts, violations)


def repeats_have_reasons(collected: Collected, destination: str) -> Verdict:
    """What arrives twice was in flight during a fault, and comes under the same id."""
    windows = [window for window in collected.windows if destination in window.fault.hazard.repeats]
    by_body: dict[Body, list[Arrival]] = defaultdict(list)
    for one in collected.arrivals[destination]:
        by_body[one.event_id, one.digest].append(one)
    violations: list[str] = []
    repeats = 0
    for body, copies in by_body.items():
        first, *others = sorted(copies, key=lambda one: one.at)
        repeats += len(others)
        violations += [
            f"{body[0]} came {other.at - first.at:.2f} s later again, and nothing was wrong"
            for other in others
            if not any(_in_flight(first, window) or _in_flight(other, window) for window in windows)
        ]
        if len({one.delivery for one in copies}) > 1:
            violations.append(f"{body[0]} came under different ids: {sorted({str(one.delivery) for one in copies})}")
    return Verdict(f"{destination}: repeats only in faults, same id", {"repeats": repeats}, violations)


def _in_flight(arrival: Arrival, window: Window) -> bool:
    return window.began - BEFORE <= arrival.at <= window.healed + AFTER


def subjects_are_in_order(collected: Collected, destination: str) -> Verdict:
    """First arrivals of one subject are in the order of the log, but for those that were retried meanwhile."""
    due = {one.body: one for one in decided(collected, destination).values()}
    retried = {
        logged.outcome.delivery
        for logged in collected.outcomes[destination]
        if logged.outcome.state is OutcomeState.FAILED
    }
    last: dict[tuple[str, Lane], Decided] = {}
    violations = []
    subjects = set()
    for body in _first_arrivals(collected, destination):
        one = due.get(body)
        if one is None or one.delivery in retried:
            continue
        subject = (one.stored.subject, one.lane)
        subjects.add(subject)
        before = last.get(subject)
        if before is not None and before.place > one.place:
            violations.append(f"{one.stored.subject}: {one.stored.id} came after {before.stored.id}")
        last[subject] = one
    counts = {"subjects": len(subjects), "retried": len(retried)}
    return Verdict(f"{destination}: each subject in order", counts, violations)


def _first_arrivals(collected: Collected, destination: str) -> Iterator[Body]:
    """As the destination saw them; where it keeps no time, in the order of the outcomes."""
    seen: set[Body] = set()
    if destination in collected.arrivals:
        ordered = [
            (one.event_id, one.digest) for one in sorted(collected.arrivals[destination], key=lambda one: one.at)
        ]
    else:
        due = decided(collected, destination)
        ordered = [
            due[one.outcome.delivery].body
            for one in collected.outcomes[destination]
            if one.outcome.state is OutcomeState.DELIVERED and one.outcome.delivery in due
        ]
    for body in ordered:
        if body not in seen:
            seen.add(body)
            yield body
