"""Reads the dead letters, joined with what became of their deliveries."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hub.delivery.dead_letters import LetterState, RunHistory
from hub.log.admin import LogAdmin
from hub.log.records import MalformedRecordError, decode_outcome, delivery_key
from hub.log.scanner import SKEW, LogScanner
from hub.log.topics import Topics
from hub.replay.letters import Choice, JudgedLetter, Letter, read_letter
from schemas.identity import LIVE, DeliveryId
from schemas.lane import Lane
from schemas.outcome import Outcome

AT_ONCE = 50_000
"""Letters that are judged together, about 60 MB. More mean that the outcomes since the first of them are read again."""

_Histories = dict[str, dict[DeliveryId, RunHistory]]
"""By destination and delivery."""


class DeadLetters:
    """Blocking; memory is bounded, however many there are. Nothing is changed.

    Every method raises KafkaUnavailableError, LogAdminError and NewerFormatError.
    """

    def __init__(self, scanner: LogScanner, admin: LogAdmin, topics: Topics, at_once: int = AT_ONCE) -> None:
        self._scanner = scanner
        self._admin = admin
        self._topics = topics
        self._at_once = at_once

    def judged(self, choice: Choice) -> Iterator[list[JudgedLetter]]:
        """The chosen letters as they are now, a list at a time; in order within each partition only.

        A worker that died between letter and outcome leaves a second letter of the same run. The later one counts,
        unless they are in two lists; whoever redrives both writes the same run twice, which is one redrive.
        """
        for letters in self._lists(choice):
            histories = self._histories(letters)
            yield [_judge(letter, histories) for letter in letters]

    def records(self, letters: Sequence[JudgedLetter]) -> Iterator[tuple[JudgedLetter, Any]]:
        """The letters' records as kafka-python has them, in order within each partition."""
        wanted = {(one.letter.partition, one.letter.offset): one for one in letters}
        spans: dict[int, range] = {}
        for partition, offset in wanted:
            span = spans.get(partition, range(offset, offset + 1))
            spans[partition] = range(min(span.start, offset), max(span.stop, offset + 1))
        for record in self._scanner.within(self._topics.dead_letters, spans):
            found = wanted.get((record.partition, record.offset))
            if found is not None:
                yield found, record

    def outcomes(self, letter: Letter, since: datetime) -> list[Outcome]:
        """How every attempt of every run of a letter's delivery ended, replays included; in the order of the log."""
        if letter.key is None:
            return []
        return list(self._outcomes({letter.destination: {letter.key.id}}, since))

    def _lists(self, choice: Choice) -> Iterator[list[Letter]]:
        letters: dict[object, Letter] = {}
        for record in self._scanner.between(self._topics.dead_letters, choice.since, choice.until):
            letter = read_letter(record)
            if choice.accepts(letter):
                name = letter.key or letter.place
                letters.pop(name, None)
                letters[name] = letter
            if len(letters) == self._at_once:
                yield list(letters.values())
                letters.clear()
        if letters:
            yield list(letters.values())

    def _histories(self, letters: Iterable[Letter]) -> _Histories:
        histories: _Histories = {}
        died = datetime.max.replace(tzinfo=UTC)
        for letter in letters:
            if letter.key is not None:
                histories.setdefault(letter.destination, {})[letter.key.id] = RunHistory()
                died = min(died, letter.died)
        if not histories:
            return histories
        self._learn_begun(histories, died)  # first: what is worked off meanwhile has its outcome by then
        for outcome in self._outcomes(histories, died):
            histories[outcome.destination][outcome.delivery].learn(outcome.run, outcome.state)
        return histories

    def _learn_begun(self, histories: _Histories, died: datetime) -> None:
        """Redrives that wait in a lane and have no outcome yet."""
        lanes = {self._topics.deliveries(destination, lane): destination for destination in histories for lane in Lane}
        done: dict[str, dict[int, int]] = {}
        for destination in histories:
            done |= self._admin.committed(self._topics.deliver_group(destination))
        for record in self._scanner.after({topic: done.get(topic, {}) for topic in lanes}, died - SKEW):
            with suppress(MalformedRecordError):
                key = delivery_key(record.headers)
                history = histories[lanes[record.topic]].get(key.id)
                if history is not None and key.run != LIVE:
                    history.begin(key.run)

    def _outcomes(self, wanted: Mapping[str, Container[DeliveryId]], since: datetime) -> Iterator[Outcome]:
        """``wanted``: destination → ids of deliveries. None of a destination that is gone, and its topics with it."""
        topics = {self._topics.outcomes(destination): destination for destination in wanted}
        for record in self._scanner.after({topic: {} for topic in topics}, since - SKEW):
            destination = topics[record.topic]
            deliveries = wanted[destination]
            if DeliveryId((record.key or b"").decode(errors="replace")) not in deliveries:
                continue  # for less than decoding it costs
            with suppress(MalformedRecordError):
                outcome = decode_outcome(record.value)
                if outcome.destination == destination and outcome.delivery in deliveries:
                    yield outcome


def _judge(letter: Letter, histories: _Histories) -> JudgedLetter:
    if letter.key is None:
        return JudgedLetter(letter, LetterState.UNREADABLE, LIVE)
    history = histories[letter.destination][letter.key.id]
    return JudgedLetter(letter, history.state_of(letter.key.run), history.next_run)
