"""The sentence that says whether all is well, and what it is made of."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.ledger.in_force import in_force
from hub.ledger.queries import Overview
from hub.ledger.standing import FRESH, Oldest, Retries, Seen, stand
from schemas.control import Control
from schemas.identity import LIVE
from schemas.lane import Lane
from schemas.report import DestinationReport, DestinationState, LaneReport, ProcessKind, ProcessReport, Waiting
from schemas.revision import AppliedBy, AppliedRevision
from tests.fixtures.ledger import NOON, identity

MINUTE = timedelta(minutes=1)
HEAD = AppliedRevision("abc", None, AppliedBy.APPLY, None, "ada", "w", NOON - timedelta(hours=1), ("out",), {})


def report(
    destination: str = "out",
    state: DestinationState = DestinationState.UP,
    *,
    worker: str = "host:1",
    reason: str | None = None,
    revision: str = "abc",
    age: timedelta = timedelta(0),
    lanes: tuple[LaneReport, ...] = (),
) -> DestinationReport:
    until = NOON + MINUTE if state is DestinationState.DOWN else None
    return DestinationReport(
        destination, worker, NOON - age, NOON - MINUTE, revision, state, reason, until, (0, 1), lanes
    )


def lane(which: Lane, in_flight: int, received: timedelta | None = None, why: str = "in flight") -> LaneReport:
    waiting = None if received is None else Waiting(identity("a"), LIVE, "s", NOON - received, 0, why)
    return LaneReport(which, in_flight, in_flight, 0, waiting)


def seen(*reports: DestinationReport, destinations: tuple[str, ...] = ("out",)) -> Seen:
    return Seen(
        at=NOON,
        in_force=in_force(HEAD, "abc", (), NOON, FRESH),
        destinations=destinations,
        undecided=0,
        backlog={},
        heads={},
        retries={},
        reports=reports,
        controls={},
        overview=Overview({}, {}, {}),
        away=None,
        shortened=(),
        ends={},
    )


def test_all_is_well_when_every_destination_is_up() -> None:
    assert stand(seen(report())).summary == "All is well: the destination is up, nothing waits for a person."
    both = stand(seen(report(), report("two"), destinations=("out", "two")))
    assert both.summary == "All is well: 2 destinations are up, nothing waits for a person."


def test_a_hub_without_destinations_is_well() -> None:
    assert stand(seen(destinations=())).problems == ()


@pytest.mark.parametrize(
    ("state", "reason", "problem"),
    [
        (DestinationState.DOWN, "Down: refused", "out is down (Down: refused)"),
        (DestinationState.THROTTLED, "429", "out is throttled (429)"),
        (DestinationState.OPENING, None, "out is opening"),
    ],
)
def test_a_destination_that_is_not_up_is_a_problem(state: DestinationState, reason: str | None, problem: str) -> None:
    assert stand(seen(report(), report(state=state, reason=reason, worker="host:2"))).problems == (problem,)


def test_the_worst_that_any_worker_says_counts() -> None:
    throttled, down = DestinationState.THROTTLED, DestinationState.DOWN
    [one] = stand(seen(report(), report(state=throttled, worker="b"), report(state=down, worker="c"))).destinations
    assert (one.state, one.until, one.workers) == (down, NOON + MINUTE, ("b", "c", "host:1"))


def test_a_report_that_is_old_says_nothing() -> None:
    old = stand(seen(report(age=FRESH + timedelta(seconds=1))))
    assert old.problems == ("no worker runs",)
    assert old.destinations[0].state is None


def test_what_waits_while_no_worker_runs_is_said() -> None:
    standing = stand(replace(seen(), undecided=1000, backlog={("out", Lane.LOW): 234}))
    assert standing.problems == ("no worker runs, and 1,234 records wait",)


def test_a_destination_that_no_worker_delivers_to_is_named() -> None:
    assert stand(seen(report(), destinations=("out", "two", "three"))).problems == ("no worker delivers to two, three",)


def test_a_pause_is_not_forgotten() -> None:
    paused = {"out": Control("out", paused=True, by="ann", reason="migration", at=NOON)}
    standing = stand(replace(seen(report()), controls=paused))
    assert standing.problems == ("out is paused (by ann: migration)",)


@pytest.mark.parametrize(
    ("dead", "problem"), [(1, "1 dead letter waits for a person"), (2000, "2,000 dead letters wait for a person")]
)
def test_dead_letters_wait_for_a_person(dead: int, problem: str) -> None:
    assert stand(replace(seen(report()), overview=Overview({}, {}, {"out": dead}))).problems == (problem,)


def process(revision: str = "abc", refused: str | None = None, age: timedelta = timedelta(0)) -> ProcessReport:
    problem = None if refused is None else "hub.yaml:3: ${X} is not set\nand more"
    return ProcessReport(ProcessKind.WORKER, "host:1", NOON - age, revision, NOON - MINUTE, refused, problem)


@pytest.mark.parametrize(
    ("head", "file", "one", "problem"),
    [
        (HEAD, "abc", process(), None),
        (HEAD, None, process("older", age=FRESH * 2), None),
        (HEAD, "abc", process("older"), "worker host:1 runs older, and not abc"),
        (replace(HEAD, at=NOON), "abc", process("older"), None),  # it is being taken up
        (HEAD, "def", process(), "drift: in force is abc, applied by ada, and the file is def"),
        (
            replace(HEAD, kind=AppliedBy.ROLLBACK, overrides="def"),
            "def",
            process(),
            "drift: in force is abc, rolled back by ada, and the file is def",
        ),
        (
            HEAD,
            "abc",
            process("old", refused="abc"),
            "worker host:1 cannot take up abc and runs old (hub.yaml:3: ${X} is not set)",
        ),
    ],
)
def test_who_runs_another_revision_than_is_in_force_is_noticed(
    head: AppliedRevision, file: str | None, one: ProcessReport, problem: str | None
) -> None:
    found = stand(replace(seen(report()), in_force=in_force(head, file, [one], NOON, FRESH)))
    assert found.problems == (() if problem is None else (problem,))


def test_what_is_retired_and_not_empty_is_shown_and_no_problem() -> None:
    found = stand(replace(seen(report(), report("gone")), retired=["gone"], backlog={("gone", Lane.NORMAL): 3}))
    assert found.summary == "All is well: the destination is up, nothing waits for a person."
    assert [one.retired for one in found.destinations] == [False, True]


def test_without_a_projection_rates_are_unknown_and_that_is_said() -> None:
    standing = stand(replace(seen(report()), overview=None, away="disk full"))
    [one] = standing.destinations
    assert (standing.behind, one.per_minute, one.dead) == (None, None, None)
    assert standing.problems == ("the status database is away (disk full)",)


def test_a_log_that_lost_its_end_is_noticed() -> None:
    [problem] = stand(replace(seen(report()), shortened=["hub.events"])).problems
    assert problem.startswith("hub.events ends before what was worked off: it lost its end")


def test_how_far_the_projection_is_behind_is_counted() -> None:
    ends = {("hub.decisions", 0): 10, ("hub.decisions", 1): 5, ("hub.outcomes.out", 0): 7}
    overview = Overview({("hub.decisions", 0): 8, ("hub.decisions", 1): 6}, {"out": 4.5}, {})
    standing = stand(replace(seen(report()), overview=overview, ends=ends))
    assert standing.behind == 9
    assert standing.destinations[0].per_minute == 4.5


def lanes_of(found: Seen) -> Mapping[Lane, tuple[int, int, Oldest | None]]:
    [one] = stand(found).destinations
    return {each.lane: (each.backlog, each.in_flight, each.oldest) for each in one.lanes if each.backlog}


def test_lanes_are_summed_over_workers_and_the_oldest_of_all_is_shown() -> None:
    first = report(lanes=(lane(Lane.NORMAL, 2, MINUTE), lane(Lane.HIGH, 1)))
    second = report(worker="b", lanes=(lane(Lane.NORMAL, 3, 2 * MINUTE, "attempt 3 is due at noon"),))
    found = replace(seen(first, second), backlog={("out", Lane.NORMAL): 50, ("out", Lane.HIGH): 1})
    assert lanes_of(found) == {
        Lane.HIGH: (1, 1, None),
        Lane.NORMAL: (50, 5, Oldest(identity("a"), NOON - 2 * MINUTE, "attempt 3 is due at noon")),
    }


def test_without_a_worker_the_head_of_the_lane_is_the_oldest() -> None:
    head = Oldest(identity("a"), NOON - MINUTE, "no worker delivers")
    found = replace(seen(), backlog={("out", Lane.NORMAL): 3}, heads={("out", Lane.NORMAL): head})
    assert lanes_of(found) == {Lane.NORMAL: (3, 0, head)}


def test_retries_are_those_of_the_destination() -> None:
    waiting = Retries(3, NOON + MINUTE, complete=False)
    [one, two] = stand(replace(seen(destinations=("out", "two")), retries={"out": waiting})).destinations
    assert (one.retries, two.retries) == (waiting, Retries())
