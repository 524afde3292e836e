"""Each check finds what it is there for, in books that are right but for one thing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.decision import DecidedDelivery, Decision
from schemas.identity import LIVE, DeliveryId, delivery_id
from schemas.outcome import Outcome, OutcomeState
from tests.chaos.checks import judge
from tests.chaos.collected import Arrival, Collected, DeadLetter, LoggedOutcome, Place, Stored
from tests.chaos.events import ARCHIVE, HOOKS, SOURCE, WAREHOUSE, ChaosEvent, make_event
from tests.chaos.load import Accepted
from tests.chaos.schedule import Fault, Hazard, Kind, Window

ROUTES = {WAREHOUSE: "keep", HOOKS: "forward", ARCHIVE: "archive"}
NOW = datetime(2026, 1, 22, 12, 0, 0, tzinfo=UTC)
GOOD = [make_event(number, name="good") for number in range(3)]
POISON = make_event(51)
EVENTS = [*GOOD, POISON]
assert POISON.refused_by == HOOKS


def delivery(event: ChaosEvent, destination: str) -> DeliveryId:
    return delivery_id(SOURCE, event.id, event.digest, ROUTES[destination], destination)


def outcome(event: ChaosEvent, destination: str, state: OutcomeState) -> LoggedOutcome:
    return LoggedOutcome(
        0,
        Outcome(
            delivery(event, destination), LIVE, ROUTES[destination], destination, state, 1, event.number, NOW, NOW, NOW
        ),
    )


def ended(event: ChaosEvent, destination: str) -> LoggedOutcome:
    dead = event.refused_by == destination
    return outcome(event, destination, OutcomeState.DEAD if dead else OutcomeState.DELIVERED)


def decision(offset: int, event: ChaosEvent) -> Decision:
    made = tuple(DecidedDelivery(route, name, delivery(event, name)) for name, route in ROUTES.items())
    return Decision(SOURCE, event.id, event.digest, offset, "r", NOW, made)


def arrival(event: ChaosEvent, at: float) -> Arrival:
    return Arrival(event.id, event.digest, at, delivery(event, HOOKS))


def books() -> Collected:
    """Four events of one subject, one of which an endpoint refuses; everything is as promised."""
    return Collected(
        accepted=[Accepted(event, 0.0, 0.0, 0.0) for event in EVENTS],
        too_late=[make_event(9, name="late")],
        events={
            Place(0, offset): Stored(event.id, event.number, "one", event.digest) for offset, event in enumerate(EVENTS)
        },
        decisions={Place(0, offset): decision(offset, event) for offset, event in enumerate(EVENTS)},
        outcomes={name: [ended(event, name) for event in EVENTS] for name in ROUTES},
        dead_letters=[DeadLetter(delivery(POISON, HOOKS), POISON.body), DeadLetter(None, b"garbage")],
        arrivals={HOOKS: [arrival(event, 100.0 + event.number) for event in GOOD]},
        rows={WAREHOUSE: [event.id for event in EVENTS]},
        lines={ARCHIVE: [(event.id, event.digest) for event in EVENTS]},
        garbage=[b"garbage"],
    )


def broken(collected: Collected) -> list[str]:
    return [verdict.promise for verdict in judge(collected) if not verdict.kept]


def without(sequence: Sequence[Any], position: int) -> list[Any]:
    return [one for index, one in enumerate(sequence) if index != position]


def window(destination: str) -> Window:
    return Window(Fault(0, Hazard(Kind.KILL, HOOKS, repeats=frozenset({destination})), 0.0, 0.0), 100.0, 101.0)


def test_books_that_are_right_break_no_promise() -> None:
    assert broken(books()) == []


MISTAKES: dict[str, tuple[Callable[[Collected], Collected], str]] = {
    "an accepted event is not stored": (
        lambda c: replace(c, accepted=[*c.accepted, Accepted(make_event(8), 0, 0, 0)]),
        "what was answered 2xx is in Kafka, byte for byte",
    ),
    "an accepted event is stored with another body": (
        lambda c: replace(c, events={**c.events, Place(0, 0): replace(c.events[Place(0, 0)], digest="other")}),
        "what was answered 2xx is in Kafka, byte for byte",
    ),
    "a request that is too late is stored": (
        lambda c: replace(c, too_late=[GOOD[0]]),
        "what is signed outside the tolerance is refused",
    ),
    "an event has no decision": (
        lambda c: replace(c, decisions={place: one for place, one in c.decisions.items() if place.offset}),
        "every event is decided",
    ),
    "a decision is about another event": (
        lambda c: replace(c, decisions={**c.decisions, Place(0, 0): decision(0, GOOD[1])}),
        "every event is decided",
    ),
    "garbage is gone": (
        lambda c: replace(c, dead_letters=c.dead_letters[:1]),
        "what cannot be read is a dead letter",
    ),
    "work is left": (lambda c: replace(c, lag={"hub.retries.1s": 1}), "lag and retry tiers are back to zero"),
    "a request is not signed": (lambda c: replace(c, unsigned=["no"]), "every request of the hub is signed"),
    "a delivery never ended": (
        lambda c: replace(c, outcomes={**c.outcomes, HOOKS: without(c.outcomes[HOOKS], 1)}),
        "hooks: delivered + dead + discarded = decided",
    ),
    "a delivery has two ends": (
        lambda c: replace(
            c, outcomes={**c.outcomes, HOOKS: [*c.outcomes[HOOKS], outcome(GOOD[0], HOOKS, OutcomeState.DEAD)]}
        ),
        "hooks: delivered + dead + discarded = decided",
    ),
    "a delivery ended that nobody decided": (
        lambda c: replace(c, outcomes={**c.outcomes, HOOKS: [*c.outcomes[HOOKS], ended(make_event(8), HOOKS)]}),
        "hooks: delivered + dead + discarded = decided",
    ),
    "a fault kills a delivery": (
        lambda c: replace(
            c, outcomes={**c.outcomes, HOOKS: [outcome(GOOD[0], HOOKS, OutcomeState.DEAD), *c.outcomes[HOOKS][1:]]}
        ),
        "hooks: only what it refuses is dead, and kept",
    ),
    "a dead letter is gone": (
        lambda c: replace(c, dead_letters=c.dead_letters[1:]),
        "hooks: only what it refuses is dead, and kept",
    ),
    "a delivered event never arrived": (
        lambda c: replace(c, arrivals={HOOKS: c.arrivals[HOOKS][1:]}),
        "hooks: has what was delivered, byte for byte",
    ),
    "an event arrived with another body": (
        lambda c: replace(c, arrivals={HOOKS: [replace(c.arrivals[HOOKS][0], digest="x"), *c.arrivals[HOOKS][1:]]}),
        "hooks: has what was delivered, byte for byte",
    ),
    "an event comes twice for no reason": (
        lambda c: replace(c, arrivals={HOOKS: [*c.arrivals[HOOKS], arrival(GOOD[0], 103.0)]}),
        "hooks: repeats only in faults, same id",
    ),
    "an event comes twice in a fault of somebody else": (
        lambda c: replace(
            c, arrivals={HOOKS: [*c.arrivals[HOOKS], arrival(GOOD[0], 103.0)]}, windows=[window(WAREHOUSE)]
        ),
        "hooks: repeats only in faults, same id",
    ),
    "a repeat in a fault has another id": (
        lambda c: replace(
            c,
            arrivals={HOOKS: [*c.arrivals[HOOKS], replace(arrival(GOOD[0], 103.0), delivery="other")]},
            windows=[window(HOOKS)],
        ),
        "hooks: repeats only in faults, same id",
    ),
    "a subject is out of order at an endpoint": (
        lambda c: replace(c, arrivals={HOOKS: [*c.arrivals[HOOKS][1:], arrival(GOOD[0], 200.0)]}),
        "hooks: each subject in order",
    ),
    "a subject is out of order in the outcomes": (
        lambda c: replace(c, outcomes={**c.outcomes, WAREHOUSE: list(reversed(c.outcomes[WAREHOUSE]))}),
        "warehouse: each subject in order",
    ),
    "a row is missing": (
        lambda c: replace(c, rows={WAREHOUSE: c.rows[WAREHOUSE][1:]}),
        "warehouse: holds each event exactly once",
    ),
    "a row is there twice": (
        lambda c: replace(c, rows={WAREHOUSE: [*c.rows[WAREHOUSE], GOOD[0].id]}),
        "warehouse: holds each event exactly once",
    ),
    "an event is not in the archive": (
        lambda c: replace(c, lines={ARCHIVE: c.lines[ARCHIVE][1:]}),
        "archive: has each event in exactly one object",
    ),
    "an event is in the archive twice": (
        lambda c: replace(c, lines={ARCHIVE: [*c.lines[ARCHIVE], c.lines[ARCHIVE][0]]}),
        "archive: has each event in exactly one object",
    ),
}


@pytest.mark.parametrize("mistake", list(MISTAKES))
def test_a_broken_promise_is_found(mistake: str) -> None:
    make, promise = MISTAKES[mistake]
    assert promise in broken(make(books()))


def test_a_repeat_of_what_was_in_flight_in_a_fault_is_allowed() -> None:
    right = books()
    twice = [*right.arrivals[HOOKS], arrival(GOOD[0], 103.0)]
    assert broken(replace(right, arrivals={HOOKS: twice}, windows=[window(HOOKS)])) == []


def test_what_is_retried_may_come_later_than_what_follows_it() -> None:
    right = books()
    late = [*right.arrivals[HOOKS][1:], arrival(GOOD[0], 200.0)]
    failed = [outcome(GOOD[0], HOOKS, OutcomeState.FAILED), *right.outcomes[HOOKS]]
    assert broken(replace(right, arrivals={HOOKS: late}, outcomes={**right.outcomes, HOOKS: failed})) == []
