"""How other rules would have decided the events of the past. Pure; nothing is sent."""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hub.log.records import EventOutline, MalformedRecordError
from hub.log.scanner import Spans
from schemas.decision import DecidedDelivery

Decide = Callable[[EventOutline], Sequence[DecidedDelivery]]
"""The deliveries of an event by one revision of the rules."""

SAMPLES = 3
"""Events that are named for each kind of change of each route and destination."""


@dataclass(frozen=True, slots=True)
class Sample:
    """An event that would be decided otherwise."""

    source: str
    id: str
    type: str
    received: datetime


@dataclass(slots=True)
class Changes:
    """Deliveries of one route to one destination. ``moved`` are those in another lane, ``renamed`` those whose id
    changes (by `once_per`); both are the same delivery otherwise, and count as neither added nor removed.
    """

    added: int = 0
    removed: int = 0
    unchanged: int = 0
    moved: int = 0
    renamed: int = 0
    added_samples: list[Sample] = field(default_factory=list)
    removed_samples: list[Sample] = field(default_factory=list)

    @property
    def before(self) -> int:
        return self.removed + self.moved + self.renamed + self.unchanged

    @property
    def after(self) -> int:
        return self.added + self.moved + self.renamed + self.unchanged

    @property
    def any(self) -> bool:
        return self.before != self.unchanged or self.after != self.unchanged


@dataclass(slots=True)
class BacktestResult:
    """``changed`` counts events, ``by_target`` deliveries by (route, destination). ``otherwise`` are events that were
    decided otherwise when they came than the rules of now decide them; ``undecided`` had no decision on record.
    """

    scanned: int = 0
    changed: int = 0
    unreadable: int = 0
    otherwise: int = 0
    undecided: int = 0
    by_target: dict[tuple[str, str], Changes] = field(default_factory=lambda: defaultdict(Changes))


class RecordedDecisions:
    """What was decided of the events of some stretches of the log, in eight bytes for each."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._found = {partition: array("Q", bytes(8 * len(span))) for partition, span in spans.items()}

    def learn(self, partition: int, offset: int, targets: Iterable[tuple[str, str]]) -> None:
        """A decision for the event at an offset; of several the last counts."""
        span = self._spans.get(partition, range(0))
        if offset in span:
            self._found[partition][offset - span.start] = _fingerprint(targets)

    def is_known(self, partition: int, offset: int) -> bool:
        return self._at(partition, offset) != 0

    def agrees(self, partition: int, offset: int, deliveries: Iterable[DecidedDelivery]) -> bool:
        """Whether the same routes matched, and went to the same destinations."""
        return self._at(partition, offset) == _fingerprint((one.route, one.destination) for one in deliveries)

    def _at(self, partition: int, offset: int) -> int:
        span = self._spans.get(partition, range(0))
        return self._found[partition][offset - span.start] if offset in span else 0


def backtest(
    records: Iterable[Any],
    before: Decide,
    after: Decide,
    recorded: RecordedDecisions | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    each: Callable[[int], object] = lambda _: None,
) -> BacktestResult:
    """Decide every event (records as kafka-python has them) received in [since, until) by both rules. ``each`` is told
    how many records were looked at since the last time.

    Raises:
        NewerFormatError
    """
    result = BacktestResult()
    earliest = 0.0 if since is None else since.timestamp() * 1000
    latest = float("inf") if until is None else until.timestamp() * 1000
    for number, record in enumerate(records, start=1):
        if number % _TOLD_EVERY == 0:
            each(_TOLD_EVERY)
        if not earliest <= record.timestamp < latest:
            continue
        result.scanned += 1
        try:
            event = EventOutline(record.headers, record.value)
            now, then = before(event), after(event)
        except MalformedRecordError:
            result.unreadable += 1
            continue
        if recorded is not None:
            known = recorded.is_known(record.partition, record.offset)
            result.undecided += not known
            result.otherwise += known and not recorded.agrees(record.partition, record.offset, now)
        _compare(result, now, then, event, record.timestamp)
    return result


_TOLD_EVERY = 500


def _compare(
    result: BacktestResult,
    now: Sequence[DecidedDelivery],
    then: Sequence[DecidedDelivery],
    event: EventOutline,
    timestamp: int,
) -> None:
    if now == then:  # the usual case
        for one in now:
            result.by_target[one.route, one.destination].unchanged += 1
        return
    old, new = _by_target(now), _by_target(then)
    result.changed += old != new
    for target in old.keys() | new.keys():
        changes = result.by_target[target]
        if target not in new:
            changes.removed += 1
            _add(changes.removed_samples, event, timestamp)
        elif target not in old:
            changes.added += 1
            _add(changes.added_samples, event, timestamp)
        elif old[target].delivery != new[target].delivery:
            changes.renamed += 1
        elif old[target].lane != new[target].lane:
            changes.moved += 1
        else:
            changes.unchanged += 1


def _by_target(deliveries: Iterable[DecidedDelivery]) -> Mapping[tuple[str, str], DecidedDelivery]:
    return {(one.route, one.destination): one for one in deliveries}


def _add(samples: list[Sample], event: EventOutline, timestamp: int) -> None:
    if len(samples) < SAMPLES:
        samples.append(Sample(event.source, event.id, event.type, datetime.fromtimestamp(timestamp / 1000, UTC)))


def _fingerprint(targets: Iterable[tuple[str, str]]) -> int:
    """64 bits of which the last is never 0: 0 is nothing on record."""
    return hash(frozenset(targets)) & 0xFFFF_FFFF_FFFF_FFFF | 1
