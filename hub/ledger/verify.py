"""``hub ledger verify``: takes a cut and judges it, partition by partition."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from hub.ledger.judge import Counts, Loss, PartitionJudge, Place, key_digest
from hub.ledger.tour import Progress, Tour, fingerprint
from hub.log.connection import KafkaConnection
from hub.log.cut import Range, take_cut
from hub.log.ranges import RangeReader
from hub.log.records import MalformedRecordError, decode_event
from hub.log.topics import LEDGER_RETENTION, Topics
from schemas.decision import Decision
from schemas.identity import LIVE, DeliveryKey
from schemas.outcome import Outcome

NAMED = 20
"""How many of what is missing are named."""

_EARLIER = timedelta(hours=1)
"""Decisions and outcomes are read from so long before: the clocks of ingress and brokers need not agree."""

_MARGIN = timedelta(days=1)
"""Retention deletes whole segments: what is younger than its limit by this much is there, all of it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing: ``id`` of the event (``source/id``) or delivery, where known, and where it was last seen."""

    loss: Loss
    id: str
    run: str
    last_seen: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Verification:
    """What a cut looks like. ``missing`` names the first NAMED of ``counts.missing``."""

    taken: datetime
    since: datetime
    counts: Counts
    missing: tuple[Missing, ...]

    @property
    def fine(self) -> bool:
        return self.counts.missing == 0


class Verifier:
    """Takes a cut when it is made, and judges it once. Making it blocks, so do that in a thread if there is a loop.

    ``since`` None: all that the ledger surely still holds. Events received before are not judged.

    Making it and ``verify`` raise KafkaUnavailableError and LogAdminError; ``verify`` also NewerFormatError.
    """

    def __init__(self, connection: KafkaConnection, topics: Topics, since: datetime | None = None) -> None:
        self._connection = connection
        self._taken = datetime.now(UTC)
        oldest = self._taken - LEDGER_RETENTION + _MARGIN
        self._since = oldest if since is None else max(since, oldest)
        self._cut = take_cut(connection, topics, self._since, earlier=_EARLIER)
        self._events = self._cut.ranges.get(topics.events, ())

    def __len__(self) -> int:
        """How many records there are to go through."""
        return len(Tour(RangeReader(self._connection), self._cut, lambda _: None))

    @property
    def partitions(self) -> int:
        """How many partitions the events topic has."""
        return len(self._events)

    async def verify(self, progress: Progress = lambda _: None) -> Verification:
        """Judge. Memory is that of one partition at a time (`PartitionJudge`)."""
        counts, missing = Counts(), list[Missing]()
        async with RangeReader(self._connection) as reader:
            for events in self._events:
                judge = PartitionJudge(events)
                await Tour(reader, self._cut, progress).visit(events.partition, judge)
                await _look_at_undecided(reader, events, judge)
                counts += judge.counts()
                if len(missing) < NAMED:
                    missing += await self._named(reader, events, judge)
        return Verification(self._taken, self._since, counts, tuple(missing[:NAMED]))

    async def _named(self, reader: RangeReader, events: Range, judge: PartitionJudge) -> list[Missing]:
        found = [await _named_event(reader, events, loss, offset) for loss, offset in judge.lost_events()[:NAMED]]
        found += [
            Missing(Loss.UNREADABLE, "", "", str(place), _moment(place.timestamp)) for place in judge.lost_strangers()
        ]
        wanted = dict(zip(range(NAMED), judge.lost_deliveries(), strict=False)).values()
        if wanted:
            finder = Finder({known: loss for loss, known in wanted})
            await Tour(reader, self._cut, lambda _: None, retraced=True).visit(events.partition, finder)
            found += finder.found()
        return found


@dataclass(slots=True)
class Finder:
    """Looks for the names of some deliveries, and where each was seen last."""

    wanted: dict[bytes, Loss]
    seen: dict[bytes, "Sighting"] = field(default_factory=dict)

    def decided(self, place: Place, decision: Decision) -> None:
        for one in decision.deliveries:
            # Written right after the delivery itself, of which a lane tells more.
            self._saw(DeliveryKey(one.delivery, LIVE), place, f"decided by revision {decision.revision}", when=0)

    def stands(self, place: Place, key: DeliveryKey, *, waiting: bool) -> None:
        self._saw(key, place, "waiting" if waiting else "taken up, and committed")

    def stands_unreadable(self, place: Place, fingerprint: bytes, *, waiting: bool) -> None:
        """It names no delivery."""

    def letter(self, place: Place, key: DeliveryKey) -> None:
        self._saw(key, place, "dead letter")

    def unreadable_letter(self, place: Place, key: DeliveryKey | None, _fingerprint: bytes, /) -> None:
        if key is not None:
            self._saw(key, place, "unreadable dead letter")

    def ended(self, place: Place, outcome: Outcome) -> None:
        self._saw(outcome.key, place, f"attempt {outcome.attempt} {outcome.state}")

    def found(self) -> Iterable[Missing]:
        """Every one of the wanted, with what was seen of it last."""
        for known, one in self.seen.items():
            yield Missing(
                self.wanted[known], one.key.id, one.key.run, f"{one.what}: {one.place}", _moment(one.place.timestamp)
            )

    def _saw(self, key: DeliveryKey, place: Place, what: str, when: int | None = None) -> None:
        known = key_digest(key)
        if known in self.wanted:
            moment = place.timestamp if when is None else when
            if known not in self.seen or self.seen[known].when <= moment:
                self.seen[known] = Sighting(key, place, what, moment)


class Sighting(NamedTuple):
    """A delivery, and what was seen of it; the one with the largest ``when`` (milliseconds) is the last."""

    key: DeliveryKey
    place: Place
    what: str
    when: int


async def _look_at_undecided(reader: RangeReader, events: Range, judge: PartitionJudge) -> None:
    for begin, end in _runs(judge.undecided()):
        async for records in reader.read(replace(events, begin=begin, end=end)):
            for record in records:
                place = Place(record.topic, record.partition, record.offset, record.timestamp)
                try:
                    decode_event(record.headers, record.value)
                except MalformedRecordError:
                    judge.unreadable_event(place, fingerprint(record))
                else:
                    judge.lost_event(place)


def _runs(offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """[begin, end) of offsets that follow each other."""
    for _, run in groupby(enumerate(offsets), lambda each: each[1] - each[0]):
        members = [offset for _, offset in run]
        yield members[0], members[-1] + 1


async def _named_event(reader: RangeReader, events: Range, loss: Loss, offset: int) -> Missing:
    record = await reader.first(replace(events, begin=offset, end=offset + 1))
    place = f"{events.topic} partition {events.partition} offset {offset}"
    if record is None:
        return Missing(loss, "", "", f"gone meanwhile: {place}", datetime.now(UTC))
    name = ""
    if loss is Loss.DECISION:
        event = decode_event(record.headers, record.value)
        name = f"{event.source}/{event.id}"
    return Missing(loss, name, "", f"accepted: {place}", _moment(record.timestamp))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
