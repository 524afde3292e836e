"""One look: what has ended, of that what the log does not have, and that into the log.

Doing it twice, or in two places at once, does no harm: the events have the same ids and bodies, so that each delivery
is made once.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.api import EndedJob, Reconciler
from hub.config.model import SourceEntry
from hub.log.naming import stored_text
from hub.log.reader import LogReader
from hub.log.records import EventOutline, MalformedRecordError, encode_event, partition_for
from hub.log.writer import LogWriter
from hub.reconciliation.event import reconciled_event
from schemas.event import Event

_log = logging.getLogger(__name__)

_CLOCKS = timedelta(minutes=10)
"""How far the sender's clock may be ahead of ours: a webhook seems to be received before its job ended."""


@dataclass(frozen=True, slots=True)
class Result:
    """``ended`` jobs were looked at; ``waiting`` of them ended so recently that their webhook may still come, and
    ``missing`` have no event, which ``events`` are, in the order of the sender's answers.
    """

    ended: int
    waiting: int
    events: tuple[Event, ...]


class Reconciliation:
    """For one source. ``run`` may be called any number of times, one at a time."""

    def __init__(self, entry: SourceEntry, reconciler: Reconciler, log: LogReader, topic: str, partitions: int) -> None:
        self._entry = entry
        self._reconciler = reconciler
        self._log = log
        self._topic = topic
        self._partitions = partitions
        self._known: set[str] = set()

    async def look(self, since: datetime, now: datetime, jobs: Sequence[str] = ()) -> Result:
        """The events that are missing; nothing is written. ``jobs`` are asked for by name, whenever they ended.

        Raises:
            SenderApiError, KafkaUnavailableError, LogAdminError, NewerFormatError
        """
        ended: dict[str, EndedJob] = {}
        waiting = 0
        async for job in self._reconciler.ended(since, jobs):
            if job.ended is not None and job.ended > now - self._reconciler.grace:
                waiting += 1
            else:
                ended[_subject(job)] = job
        self._known &= ended.keys()  # what the sender no longer tells of
        unknown = {subject: job for subject, job in ended.items() if subject not in self._known}
        if unknown:
            self._known |= await asyncio.to_thread(self._in_log, unknown.keys(), _earliest(unknown.values(), since))
        events = [
            reconciled_event(job, self._entry.name, self._entry.config.metadata, now)
            for subject, job in unknown.items()
            if subject not in self._known
        ]
        return Result(len(ended) + waiting, waiting, tuple(events))

    async def append(self, events: Sequence[Event], writer: LogWriter) -> None:
        """Returns when all are acknowledged; raises what `LogWriter.append_all` does."""
        for event in events:
            partition = partition_for(event.partition_key, self._partitions)
            await writer.append_all(self._topic, partition, [encode_event(event)])
            _log.info(
                "webhook never came, its event is added",
                extra={"source": event.source, "event": event.id, "type": event.type},
            )

    def _in_log(self, subjects: Collection[str], since: datetime) -> set[str]:
        """Those whose end is in the log, whichever source it came through: a job's own webhook goes to another one."""
        types = self._entry.connector.terminal_types
        found: set[str] = set()
        for record in self._log.scan(self._topic, since):
            try:
                outline = EventOutline(record.headers, record.value)
                subject = outline.subject if outline.type in types else None
            except MalformedRecordError:
                continue
            if subject is not None and subject in subjects:
                found.add(subject)
        return found


def _subject(job: EndedJob) -> str:
    assert job.attributes.subject
    return stored_text(job.attributes.subject)


def _earliest(jobs: Collection[EndedJob], since: datetime) -> datetime:
    """No webhook comes before its job's end."""
    return min(job.ended if job.ended is not None else since for job in jobs) - _CLOCKS
