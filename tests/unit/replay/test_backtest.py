"""What a backtest counts: deliveries by route and destination, added, removed and as before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.log.records import EventOutline, encode_event
from hub.replay.backtest import SAMPLES, Decide, RecordedDecisions, Sample, backtest
from schemas.decision import DecidedDelivery
from schemas.identity import DeliveryId
from schemas.lane import Lane
from tests.fixtures.project import make_event

NOW = datetime(2026, 2, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Stored:
    partition: int
    offset: int
    timestamp: int
    headers: Any
    value: bytes | None


def stored(count: int, partition: int = 0) -> list[Stored]:
    found = []
    for offset in range(count):
        received = NOW + timedelta(seconds=offset)
        record = encode_event(make_event(f"e{offset}", received=received))
        found.append(Stored(partition, offset, int(received.timestamp() * 1000), record.headers, record.value))
    return found


def delivery(route: str, destination: str, lane: Lane = Lane.NORMAL, name: str = "") -> DecidedDelivery:
    return DecidedDelivery(route, destination, DeliveryId(name or f"{route}:{destination}"), lane)


def always(*deliveries: DecidedDelivery) -> Decide:
    return lambda _: deliveries


def test_what_is_added_and_removed_is_counted_by_route_and_destination() -> None:
    def after(event: EventOutline) -> Sequence[DecidedDelivery]:
        return [delivery("all", "db"), *([delivery("loud", "chat")] if event.id != "e0" else [])]

    result = backtest(stored(10), always(delivery("all", "db"), delivery("quiet", "chat")), after)
    assert (result.scanned, result.changed, result.unreadable) == (10, 10, 0)
    counts = {target: (each.before, each.after, each.added, each.removed) for target, each in result.by_target.items()}
    assert counts == {
        ("all", "db"): (10, 10, 0, 0),
        ("loud", "chat"): (0, 9, 9, 0),
        ("quiet", "chat"): (10, 0, 0, 10),
    }
    assert not result.by_target["all", "db"].any
    samples = result.by_target["loud", "chat"].added_samples
    assert samples[0] == Sample("github", "e1", "push", NOW + timedelta(seconds=1))
    assert len(samples) == SAMPLES


def test_another_lane_and_another_id_are_no_other_delivery() -> None:
    lane = backtest(stored(4), always(delivery("a", "db")), always(delivery("a", "db", Lane.HIGH)))
    changes = lane.by_target["a", "db"]
    assert (lane.changed, changes.moved, changes.added, changes.before, changes.after) == (4, 4, 0, 4, 4)
    renamed = backtest(stored(4), always(delivery("a", "db")), always(delivery("a", "db", name="x")))
    assert renamed.by_target["a", "db"].renamed == 4


def test_the_order_of_the_routes_changes_nothing() -> None:
    one, two = delivery("a", "db"), delivery("b", "db")
    assert backtest(stored(3), always(one, two), always(two, one)).changed == 0


def test_only_events_of_the_time_range_are_read() -> None:
    since, until = NOW + timedelta(seconds=2), NOW + timedelta(seconds=5)
    result = backtest(stored(10), always(), always(delivery("a", "db")), since=since, until=until)
    assert (result.scanned, result.changed) == (3, 3)


def test_a_record_that_is_no_event_is_counted_and_skipped() -> None:
    broken = Stored(0, 1, int(NOW.timestamp() * 1000), [("ce_hubformat", b"1")], b"{}")
    result = backtest([*stored(1), broken], always(), always())
    assert (result.scanned, result.unreadable) == (2, 1)


def test_what_was_decided_otherwise_when_it_came_is_counted() -> None:
    recorded = RecordedDecisions({0: range(4), 3: range(0)})
    recorded.learn(0, 0, [("a", "db")])
    recorded.learn(0, 1, [])
    recorded.learn(0, 1, [("b", "db")])  # the last one counts
    recorded.learn(0, 2, [])
    recorded.learn(0, 9, [("a", "db")])  # not of this stretch
    recorded.learn(7, 0, [("a", "db")])
    result = backtest(stored(4), always(delivery("a", "db")), always(delivery("a", "db")), recorded)
    assert (result.otherwise, result.undecided) == (2, 1)


def test_progress_is_told_while_it_reads() -> None:
    told: list[int] = []
    backtest(stored(1200), always(), always(), each=told.append)
    assert told == [500, 500]


@pytest.mark.parametrize("targets", [[], [("a", "db")], [("a", "db"), ("b", "db")]])
def test_a_decision_is_known_whatever_it_was(targets: list[tuple[str, str]]) -> None:
    recorded = RecordedDecisions({0: range(5, 6)})
    assert not recorded.is_known(0, 5)
    recorded.learn(0, 5, targets)
    assert recorded.is_known(0, 5)
    assert recorded.agrees(0, 5, [delivery(*target) for target in targets])
