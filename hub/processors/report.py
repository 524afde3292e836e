"""What a worker says of a destination: made of what it holds, written every few seconds for whoever asks."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from hub.log.process_reporter import THIS_PROCESS
from hub.log.records import Record, encode_report, partition_for_bytes
from hub.log.topics import Topics
from hub.log.writer import LogWriter, WriteFailedError, WriterFullError
from hub.processors.destination_settings import DestinationSettings
from hub.processors.gate import Gate
from hub.processors.working import Working
from schemas.lane import Lane
from schemas.report import DestinationReport, DestinationState, LaneReport

_log = logging.getLogger(__name__)

EVERY = 3.0  # seconds


def report(
    settings: DestinationSettings,
    gate: Gate,
    working: Mapping[int, Working],
    *,
    opened: bool,
    problem: str | None,
    worker: str,
    since: datetime,
    now: datetime,
) -> DestinationReport:
    """How a destination stands. ``problem`` is why its connector is not ``opened``."""
    state = gate.state if opened or gate.state is DestinationState.PAUSED else DestinationState.OPENING
    reason = problem if state is DestinationState.OPENING else gate.reason
    why = (
        None
        if state is DestinationState.UP
        else f"{settings.entry.name} is {state}" + (f": {reason}" if reason else "")
    )
    return DestinationReport(
        destination=settings.entry.name,
        worker=worker,
        at=now,
        since=since,
        revision=settings.revision,
        state=state,
        reason=reason,
        until=None if gate.wait is None else now + timedelta(seconds=gate.wait),
        partitions=tuple(sorted(working)),
        lanes=tuple(_lane(lane, working.values(), why, now) for lane in Lane),
    )


def _lane(lane: Lane, working: Collection[Working], why: str | None, now: datetime) -> LaneReport:
    found = [waiting for one in working if (waiting := one.oldest(lane, now))]
    oldest = min(found, key=lambda waiting: waiting.received, default=None)
    return LaneReport(
        lane=lane,
        pending=sum(one.count()[lane] for one in working),
        in_flight=sum(one.in_flight[lane] for one in working),
        delivered=sum(one.delivered[lane] for one in working),
        oldest=oldest if oldest is None or why is None else replace(oldest, why=why),
    )


class Reporting(Protocol):
    @property
    def destination(self) -> str: ...
    def report(self, worker: str, since: datetime) -> DestinationReport: ...


class Reporter:
    """Writes the reports of this worker's destinations, which ``reporting`` names each time, until it is cancelled;
    then says that they ended.
    """

    def __init__(
        self,
        reporting: Callable[[], Iterable[Reporting]],
        writer: LogWriter,
        topics: Topics,
        partitions: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._reporting = reporting
        self._reported: set[bytes | None] = set()
        self._writer = writer
        self._topic = topics.reports
        self._partitions = partitions
        self._clock = clock

    async def run(self) -> None:
        since = self._clock()
        while True:
            records = [encode_report(each.report(THIS_PROCESS, since)) for each in self._reporting()]
            ended = self._reported - {record.key for record in records}
            await self._write([*records, *(Record(key, None, []) for key in ended)])
            self._reported = {record.key for record in records}
            await asyncio.sleep(EVERY)

    async def end(self) -> None:
        """Nobody must take the last reports for the present."""
        await self._write([Record(key, None, []) for key in self._reported])

    async def _write(self, records: Iterable[Record]) -> None:
        """A report that cannot be written is worth nothing a moment later."""
        answers = []
        for record in records:
            with suppress(WriterFullError):
                partition = partition_for_bytes(record.key or b"", self._partitions)
                answers.append(self._writer.append(self._topic, partition, record))
        for error in await asyncio.gather(*answers, return_exceptions=True):
            if isinstance(error, BaseException) and not isinstance(error, WriteFailedError):
                raise error
