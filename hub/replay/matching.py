"""Which events a replay is about, and what it writes for each. Pure."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hub.config.deciding import Rules
from hub.config.model import Configuration, Route
from hub.log.records import EventOutline, MalformedRecordError, Record, delivery_headers
from hub.replay.archived import ArchivedRecord
from hub.replay.paced import Append, Step
from hub.replay.progress import ArchivePosition, Replay
from hub.rules import Pattern
from schemas.identity import DeliveryId, delivery_id_of
from schemas.lane import Lane

_SCANNED_AT_ONCE = 2000
"""Events without a match after which progress is noted all the same."""


class Matcher:
    """What a route takes as the rules are now, also if it is not enabled, and the pattern that was asked for beside
    it.
    """

    def __init__(self, configuration: Configuration, route: Route, where: Pattern | None, replay: Replay) -> None:
        self._rules = Rules(configuration, as_if_enabled=[route.id])
        self._route = route
        self._where = where
        self._replay = replay
        self._earliest, self._latest = (int(moment.timestamp() * 1000) for moment in (replay.since, replay.until))

    def deliveries(self, record: Any) -> Mapping[str, DeliveryId]:
        """Destination → delivery of an event (a record as kafka-python has it); empty where it does not match.

        Raises:
            NewerFormatError, MalformedRecordError
        """
        if not self._earliest <= record.timestamp < self._latest:
            return {}
        event = EventOutline(record.headers, record.value)
        document = self._rules.document(event)
        if self._where is not None and not self._where.matches(document):
            return {}
        if self._route.id not in (route.id for route in self._rules.routes(document)):
            return {}
        replay = self._replay
        return {name: delivery_id_of(event, replay.route, name, self._route.once_per) for name in replay.destinations}


@dataclass(slots=True)
class Plan:
    """What a replay would do; ``deliveries`` counts by destination."""

    scanned: int = 0
    matching: int = 0
    unreadable: int = 0
    deliveries: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Mark:
    """What is true once a step is acknowledged: the next offset by partition (or, of an archive, the position there),
    events seen, deliveries written.
    """

    next: Mapping[int, int] | ArchivePosition
    scanned: int
    written: int


class _Offsets:
    """How far the log was read since the last mark."""

    def __init__(self, replay: Replay) -> None:
        self._left = replay.left
        self._next: dict[int, int] = {}

    def see(self, record: Any) -> None:
        self._next[record.partition] = record.offset + 1

    def mark(self) -> Mapping[int, int]:
        found, self._next = self._next, {}
        return found

    def end(self) -> Mapping[int, int]:
        return {partition: span.stop for partition, span in self._left.items()}  # what is left are gaps


class _Keys:
    """How far an archive was read."""

    def __init__(self, position: ArchivePosition) -> None:
        self._at = position

    def see(self, record: ArchivedRecord) -> None:
        self._at = replace(self._at, key=record.object, number=record.offset + 1)

    def mark(self) -> ArchivePosition:
        return self._at

    def end(self) -> ArchivePosition:
        return replace(self._at, finished=True)


def plan(records: Iterable[Any], matcher: Matcher, each: Callable[[DeliveryId], object]) -> Plan:
    """Count what matches; ``each`` is called with the id of every delivery, those of a repeated event twice."""
    found = Plan()
    for record in records:
        found.scanned += 1
        try:
            deliveries = matcher.deliveries(record)
        except MalformedRecordError:
            found.unreadable += 1
            continue
        found.matching += bool(deliveries)
        for destination, delivery in deliveries.items():
            found.deliveries[destination] += 1
            each(delivery)
    return found


def steps(
    records: Iterable[Any], matcher: Matcher, replay: Replay, configuration: Configuration, at_once: int
) -> Generator[Step[Mark], None, None]:
    """Steps for `write_paced`, of about so many deliveries each, all those of an event in one of them."""
    appends: list[Append] = []
    position = _Offsets(replay) if replay.archive is None else _Keys(replay.archive)
    scanned = 0
    for record in records:
        scanned += 1
        position.see(record)
        try:
            deliveries = matcher.deliveries(record)
        except MalformedRecordError:
            continue
        appends += _appends(record, deliveries, replay, configuration)
        if len(appends) >= at_once or scanned == _SCANNED_AT_ONCE:
            yield Step(appends, Mark(position.mark(), scanned, len(appends)))
            appends, scanned = [], 0
    yield Step(appends, Mark(position.end(), scanned, len(appends)))


def _appends(
    record: Any, deliveries: Mapping[str, DeliveryId], replay: Replay, configuration: Configuration
) -> Sequence[Append]:
    return [
        Append(
            configuration.topics.deliveries(destination, Lane.REPLAY),
            record.partition,
            Record(
                record.key,
                record.value,
                delivery_headers(
                    record.headers,
                    id=delivery,
                    route=replay.route,
                    destination=destination,
                    revision=configuration.revision,
                    run=replay.run,
                    lane=Lane.REPLAY,
                ),
            ),
        )
        for destination, delivery in deliveries.items()
    ]


def advanced(replay: Replay, mark: Mark) -> Replay:
    """What it is after a step."""
    written = replay.written + mark.written
    if isinstance(mark.next, ArchivePosition):
        return replace(replay, archive=mark.next, written=written)
    left = dict(replay.left)
    for partition, offset in mark.next.items():
        left[partition] = range(max(left[partition].start, offset), left[partition].stop)
    return replace(replay, left=left, written=written)
