"""How dead letters are chosen and counted."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from connectors.context import utc_now
from hub.delivery.dead_letters import LetterState
from hub.log.records import Headers, Record, decode_delivery, decode_outcome, encode_delivery, unreadable_dead_letter
from hub.log.topics import Topics
from hub.replay.letters import Choice, JudgedLetter, Letter, Tally, read_letter
from hub.replay.redrive import Wanted, discard, redrive, survey
from schemas.identity import LIVE, DeliveryId, DeliveryKey, Run
from schemas.outcome import OutcomeState
from tests.fixtures.project import make_delivery, make_event

DIED = datetime(2026, 2, 1, tzinfo=UTC)
ID = DeliveryId("shop/a%2F1~0123456789ab:orders:db")
LETTER = Letter(
    1, 7, DIED, DeliveryKey(ID, LIVE), "[Errno 32] Broken: pipe", "shop/a/1", DIED, "orders", "db", attempt=3
)
UNREADABLE = Letter(0, 9, DIED, None, "MalformedRecordError: no header")


@dataclass(frozen=True)
class Stored:
    """A record as kafka-python has it, as far as it is looked at."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int = 1
    offset: int = 7
    timestamp: int = int(DIED.timestamp() * 1000)


def stored(record: Record) -> Stored:
    return Stored(record.key, record.value, record.headers)


def test_a_letter_is_what_its_record_says() -> None:
    delivery = make_delivery(make_event("a", received=DIED), "db")
    assert read_letter(stored(encode_delivery(delivery))) == Letter(
        1, 7, DIED, delivery.key, "Bad: no", "github/a", DIED, "all", "db", attempt=3
    )


def test_a_letter_that_nobody_can_read_keeps_its_reason() -> None:
    foreign = stored(unreadable_dead_letter(b"k", b"v", [], "Malformed: no id"))
    assert read_letter(foreign) == Letter(1, 7, DIED, None, "Malformed: no id")
    assert "ce_hubformat" in read_letter(Stored(b"k", b"v", [])).error


def test_what_is_written_for_a_letter_ends_or_begins_its_next_run() -> None:
    delivery = make_delivery(make_event("a"), "db")
    record = stored(encode_delivery(delivery))
    judged = JudgedLetter(read_letter(record), LetterState.WAITING, Run("r4"))

    again = redrive(Topics("hub"), "new")(judged, record)
    ended = discard(Topics("hub"), "by me: old", utc_now)(judged, record)

    assert (again.topic, again.partition) == ("hub.deliveries.db", 1)
    redriven = decode_delivery(again.record.headers, again.record.value)
    assert (redriven.key, redriven.revision) == ((delivery.id, "r4"), "new")
    assert (ended.topic, ended.partition, ended.record.key) == ("hub.outcomes.db", 1, delivery.id.encode())
    outcome = decode_outcome(ended.record.value)
    assert (outcome.delivery, outcome.run, outcome.state) == (delivery.id, "r4", OutcomeState.DISCARDED)
    assert (outcome.attempt, outcome.offset, outcome.error) == (0, 0, "by me: old")


@pytest.mark.parametrize(
    ("choice", "accepted"),
    [
        (Choice(), True),
        (Choice(destination="db", route="orders", error="broken", id=ID), True),
        (Choice(destination="other"), False),
        (Choice(route="other"), False),
        (Choice(error="[errno 3"), True),  # a bracket is a bracket
        (Choice(error="pipes"), False),
        (Choice(error="*broken*"), True),
        (Choice(error="broken*"), False),  # a pattern is for the whole error
        (Choice(error="[Errno ??] *"), True),
        (Choice(error="[Errno ?] *"), False),
        (Choice(id="shop/a/1"), True),
        (Choice(id="a/1"), True),
        (Choice(id="1:7"), True),
        (Choice(id="1"), False),
    ],
)
def test_a_choice_takes_what_it_names(choice: Choice, accepted: bool) -> None:
    assert choice.accepts(LETTER) is accepted


def test_an_unreadable_letter_is_known_by_its_place() -> None:
    assert Choice(id="0:9").accepts(UNREADABLE)
    assert not Choice(id="").accepts(UNREADABLE)
    assert not Choice(destination="db").accepts(UNREADABLE)


def letter(error: str, destination: str = "db") -> Letter:
    return Letter(0, 0, DIED, DeliveryKey(ID, LIVE), error, "shop/a/1", DIED, "orders", destination)


def test_errors_that_differ_in_figures_are_counted_together() -> None:
    tally = Tally()
    tally.add([letter("row 1: too long"), letter("row 22: too long"), letter("no such table"), letter("x", "out")])
    assert {(group.destination, group.error): count for group, count in tally.groups.items()} == {
        ("db", "row #: too long"): 2,
        ("db", "no such table"): 1,
        ("out", "x"): 1,
    }
    assert tally.total == 4
    assert tally.by_destination() == {"db": 3, "out": 1}


def test_however_many_errors_there_are_the_counts_stay_small() -> None:
    tally = Tally()
    tally.add(letter(f"{'x' * n}") for n in range(90))
    tally.add(letter(f"error {chr(0x4E00 + n)}") for n in range(5000))
    assert len(tally.groups) <= 1001
    assert tally.total == 5090


def test_a_survey_counts_what_is_taken_refused_and_left_alone() -> None:
    waiting, gone = LETTER, letter("x", "gone")
    judged = [
        JudgedLetter(waiting, LetterState.WAITING, Run("r1")),
        JudgedLetter(gone, LetterState.WAITING, Run("r1")),
        JudgedLetter(gone, LetterState.DELIVERED, Run("r2")),
        JudgedLetter(UNREADABLE, LetterState.UNREADABLE, LIVE),
    ]
    found = survey([judged[:2], judged[2:]], Wanted({LetterState.WAITING}, {"db"}))
    assert (found.taken.total, found.refused.by_destination()) == (1, {"gone": 1})
    assert found.others == {LetterState.DELIVERED: 1, LetterState.UNREADABLE: 1}
    assert survey([judged], Wanted({LetterState.WAITING})).taken.total == 2
