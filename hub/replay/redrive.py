"""Redrives dead letters and discards them. Both can be interrupted anywhere, and repeated."""

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.delivery.dead_letters import LetterState
from hub.log.records import Record, decode_delivery, delivery_headers, encode_outcome, event_headers
from hub.log.topics import Topics
from hub.replay.dead_letters import DeadLetters
from hub.replay.letters import Choice, JudgedLetter, Tally
from hub.replay.paced import Append, Step
from schemas.outcome import Outcome, OutcomeState

Rewrite = Callable[[JudgedLetter, Any], Append]
"""What is written for a letter, given its record of ``hub.dead-letters`` as kafka-python has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the chosen letters are acted on: those in one of ``states``, for one of ``destinations`` if given."""

    states: Collection[LetterState]
    destinations: Collection[str] | None = None

    def takes(self, judged: JudgedLetter) -> bool:
        return judged.state in self.states and not self.refuses(judged)

    def refuses(self, judged: JudgedLetter) -> bool:
        """It would be acted on, but for its destination, which is gone."""
        gone = self.destinations is not None and judged.letter.destination not in self.destinations
        return judged.state in self.states and gone


@dataclass(slots=True)
class Survey:
    """What would be done: letters acted on, those whose destination is gone, and the others by their state."""

    taken: Tally = field(default_factory=Tally)
    refused: Tally = field(default_factory=Tally)
    others: Counter[LetterState] = field(default_factory=Counter)


def survey(lists: Iterable[list[JudgedLetter]], wanted: Wanted) -> Survey:
    """Count the chosen letters (`DeadLetters.judged`)."""
    found = Survey()
    for letters in lists:
        found.taken.add(one.letter for one in letters if wanted.takes(one))
        found.refused.add(one.letter for one in letters if wanted.refuses(one))
        found.others.update(one.state for one in letters if one.state not in wanted.states)
    return found


def redrive(topics: Topics, revision: str) -> Rewrite:
    """The delivery from the beginning: the same bytes and event headers, to its lane, as its next run."""

    def rewrite(judged: JudgedLetter, record: Any) -> Append:
        delivery = decode_delivery(record.headers, record.value)
        headers = delivery_headers(
            event_headers(record.headers),
            id=delivery.id,
            route=delivery.route,
            destination=delivery.destination,
            revision=revision,
            run=judged.next_run,
            lane=delivery.lane,
        )
        topic = topics.deliveries(delivery.destination, delivery.lane)
        return Append(topic, record.partition, Record(record.key, record.value, headers))

    return rewrite


def discard(topics: Topics, reason: str, clock: Callable[[], datetime]) -> Rewrite:
    """The outcome that ends the delivery's next run before it begins. ``reason`` says who did it, and why."""

    def rewrite(judged: JudgedLetter, record: Any) -> Append:
        delivery = decode_delivery(record.headers, record.value)
        now = clock()
        outcome = Outcome(
            delivery=delivery.id,
            run=judged.next_run,
            route=delivery.route,
            destination=delivery.destination,
            state=OutcomeState.DISCARDED,
            attempt=0,
            offset=0,
            received=delivery.event.received,
            started=now,
            ended=now,
            error=reason,
            lane=delivery.lane,
        )
        return Append(topics.outcomes(delivery.destination), record.partition, encode_outcome(outcome))

    return rewrite


def rewriting(
    dead_letters: DeadLetters, choice: Choice, wanted: Wanted, rewrite: Rewrite, at_once: int
) -> Generator[Step[int], None, None]:
    """Steps for `write_paced`, with so many records each; their marks count letters."""
    for letters in dead_letters.judged(choice):
        appends: list[Append] = []
        for judged, record in dead_letters.records([one for one in letters if wanted.takes(one)]):
            appends.append(rewrite(judged, record))
            if len(appends) == at_once:
                yield Step(appends, len(appends))
                appends = []
        if appends:
            yield Step(appends, len(appends))
