"""Histories made by hand, each with one kind of loss in it, or none."""

from dataclasses import asdict

import pytest

from hub.ledger.judge import Counts, Loss, PartitionJudge, Place, key_digest
from hub.log.cut import Range
from schemas.identity import LIVE, DeliveryKey, Run
from schemas.outcome import OutcomeState
from tests.fixtures.ledger import decision, identity, outcome

DELIVERED, DEAD, DISCARDED, FAILED = OutcomeState
SOMEWHERE = Place("hub.somewhere", 0, 7, 0)


def judge(events: int = 1, *, begin: int = 0, committed: int | None = None) -> PartitionJudge:
    """Of a partition whose events route has committed, all of them unless told otherwise."""
    end = begin + events
    return PartitionJudge(Range("hub.events", 0, 0, begin, end, end if committed is None else committed))


def key(event: str = "a", run: str = LIVE, destination: str = "out") -> DeliveryKey:
    return DeliveryKey(identity(event, destination), Run(run))


def found(judged: PartitionJudge) -> dict[str, int]:
    """What is not zero."""
    counts = judged.counts()
    ends = counts.delivered + counts.dead + counts.discarded
    assert counts.deliveries == ends + counts.open_deliveries + counts.missing_deliveries + counts.unreadable_deliveries
    assert counts.events == counts.decided + counts.open_events + counts.missing_events + counts.unreadable_events
    assert counts.missing == counts.missing_events + counts.missing_deliveries
    assert counts.open == counts.open_events + counts.open_deliveries
    assert counts.missing_deliveries == len([*judged.lost_deliveries(), *judged.lost_strangers()])
    return {name: value for name, value in asdict(counts).items() if value}


DECIDED = {"events": 1, "decided": 1, "deliveries": 1}


def test_what_was_decided_and_delivered_is_fine() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.ended(SOMEWHERE, outcome("a", FAILED))
    one.ended(SOMEWHERE, outcome("a", DELIVERED, attempt=2))
    assert found(one) == DECIDED | {"delivered": 1}
    assert one.undecided() == []


def test_an_event_that_no_route_matched_is_fine() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0))
    assert found(one) == {"events": 1, "decided": 1}


def test_an_event_without_a_decision_is_missing() -> None:
    one = judge(3, begin=10)
    one.decided(SOMEWHERE, decision("a", 10))
    assert one.undecided() == [11, 12]
    one.lost_event(Place("hub.events", 0, 11, 0))
    assert found(one) == {"events": 2, "decided": 1, "missing_events": 1}, "nothing stands at offset 12"
    assert one.lost_events() == [(Loss.DECISION, 11)]


def test_an_event_that_route_has_not_committed_is_open() -> None:
    one = judge(4, committed=1)
    one.decided(SOMEWHERE, decision("a", 0))
    one.decided(SOMEWHERE, decision("b", 2))
    assert one.undecided() == []
    assert found(one) == {"events": 4, "decided": 2, "open_events": 2}


@pytest.mark.parametrize("committed", [0, 3])
def test_what_is_committed_is_looked_for_inside_the_cut_only(committed: int) -> None:
    one = judge(2, begin=5, committed=committed)
    assert one.undecided() == []
    assert found(one) == {"events": 2, "open_events": 2}


def test_a_decision_about_an_event_outside_the_cut_is_judged_by_its_deliveries() -> None:
    one = judge(0, begin=100)
    one.decided(SOMEWHERE, decision("a", 3, "out"))
    one.ended(SOMEWHERE, outcome("a", DELIVERED))
    assert found(one) == {"deliveries": 1, "delivered": 1}


def test_decided_without_a_delivery_record_is_missing() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out", "two"))
    one.ended(SOMEWHERE, outcome("a", DELIVERED))
    assert found(one) == {"events": 1, "decided": 1, "deliveries": 2, "delivered": 1, "missing_deliveries": 1}
    assert list(one.lost_deliveries()) == [(Loss.END, key_digest(key(destination="two")))]


def test_open_in_a_lane() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.stands(SOMEWHERE, key(), waiting=True)
    assert found(one) == DECIDED | {"open_deliveries": 1}


def test_open_in_a_retry_tier_after_a_failed_attempt() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.stands(SOMEWHERE, key(), waiting=False)  # in its lane, done with
    one.stands(SOMEWHERE, key(), waiting=True)  # in the tier
    one.ended(SOMEWHERE, outcome("a", FAILED))
    assert found(one) == DECIDED | {"open_deliveries": 1}


def test_a_failed_attempt_whose_retry_was_never_written_is_missing() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.stands(SOMEWHERE, key(), waiting=False)
    one.ended(SOMEWHERE, outcome("a", FAILED))
    assert found(one) == DECIDED | {"missing_deliveries": 1}


def test_delivered_twice_is_superseded() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.ended(SOMEWHERE, outcome("a", DELIVERED))
    one.ended(SOMEWHERE, outcome("a", DEAD))
    one.ended(SOMEWHERE, outcome("a", DELIVERED))
    assert found(one) == DECIDED | {"delivered": 1, "superseded": 2}, "the first in the log counts"


def test_delivered_while_a_copy_waits_is_delivered() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.stands(SOMEWHERE, key(), waiting=True)
    one.ended(SOMEWHERE, outcome("a", DELIVERED))
    assert found(one) == DECIDED | {"delivered": 1}


def test_dead_with_its_letter_is_dead() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.letter(SOMEWHERE, key())
    one.ended(SOMEWHERE, outcome("a", DEAD))
    assert found(one) == DECIDED | {"dead": 1}


def test_dead_without_its_letter_is_missing() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.letter(SOMEWHERE, key("b"))
    one.ended(SOMEWHERE, outcome("a", DEAD))
    assert found(one) == DECIDED | {"missing_deliveries": 1}
    assert list(one.lost_deliveries()) == [(Loss.DEAD_LETTER, key_digest(key()))]


def test_a_letter_without_its_outcome_is_open() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.letter(SOMEWHERE, key())
    assert found(one) == DECIDED | {"open_deliveries": 1}


def test_a_redrive_is_a_delivery_of_its_own() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.stands(SOMEWHERE, key(run="r1"), waiting=False)
    one.letter(SOMEWHERE, key())
    one.ended(SOMEWHERE, outcome("a", DEAD))
    assert found(one) == DECIDED | {"deliveries": 2, "dead": 1, "missing_deliveries": 1}
    assert list(one.lost_deliveries()) == [(Loss.END, key_digest(key(run="r1")))]


def test_a_discarded_dead_letter_is_a_run_of_its_own() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.letter(SOMEWHERE, key())
    one.ended(SOMEWHERE, outcome("a", DEAD))
    one.ended(SOMEWHERE, outcome("a", DISCARDED, run="r1", attempt=0))
    assert found(one) == DECIDED | {"deliveries": 2, "dead": 1, "discarded": 1}


def test_a_redrive_that_died_again_has_its_letter() -> None:
    one = judge(0)
    one.letter(SOMEWHERE, key(run="r1"))
    one.ended(SOMEWHERE, outcome("a", DEAD, run="r1"))
    assert found(one) == {"deliveries": 1, "dead": 1}


def test_a_replay_that_waits_is_open() -> None:
    one = judge(0)
    one.stands(SOMEWHERE, key(run="p1"), waiting=True)
    assert found(one) == {"deliveries": 1, "open_deliveries": 1}


def test_what_was_decided_before_the_cut_is_not_judged() -> None:
    one = judge(0)
    one.letter(SOMEWHERE, key())
    one.unreadable_letter(SOMEWHERE, key("b"), b"f")
    one.ended(SOMEWHERE, outcome("a", DEAD))
    assert found(one) == {}


def test_an_unreadable_record_with_its_letter_is_judged() -> None:
    one = judge(1)
    one.stands_unreadable(SOMEWHERE, b"lane", waiting=False)
    one.unreadable_letter(SOMEWHERE, None, b"lane")
    one.unreadable_letter(SOMEWHERE, None, b"event")
    one.unreadable_event(Place("hub.events", 0, 0, 0), b"event")
    assert found(one) == {"events": 1, "deliveries": 1, "unreadable_events": 1, "unreadable_deliveries": 1}


def test_an_unreadable_record_without_its_letter_is_missing() -> None:
    one = judge(1)
    one.stands_unreadable(SOMEWHERE, b"lane", waiting=False)
    one.stands_unreadable(SOMEWHERE, b"still to come", waiting=True)
    one.unreadable_event(Place("hub.events", 0, 0, 0), b"event")
    assert found(one) == {"events": 1, "deliveries": 1, "missing_events": 1, "missing_deliveries": 1}
    assert one.lost_events() == [(Loss.UNREADABLE, 0)]
    assert list(one.lost_strangers()) == [SOMEWHERE]


def test_a_decided_delivery_that_nobody_could_read_is_judged() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.stands(SOMEWHERE, key(), waiting=False)
    one.unreadable_letter(SOMEWHERE, key(), b"f")
    assert found(one) == DECIDED | {"unreadable_deliveries": 1}


def test_deliveries_of_an_earlier_decision_are_on_their_way_as_well() -> None:
    one = judge()
    one.decided(SOMEWHERE, decision("a", 0, "out"))
    one.decided(SOMEWHERE, decision("a", 0, "two", revision="def"))
    one.ended(SOMEWHERE, outcome("a", DELIVERED, "two"))
    assert found(one) == {"events": 1, "decided": 1, "deliveries": 2, "delivered": 1, "missing_deliveries": 1}


def test_counts_of_partitions_add_up() -> None:
    total = Counts(events=1, unreadable_events=1)
    total += Counts(events=2, missing_deliveries=3, unreadable_deliveries=2)
    assert (total.events, total.missing, total.unreadable) == (3, 3, 3)
