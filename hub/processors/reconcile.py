"""Reconciliation as a background task: of all workers that route, the one that holds the lease asks the senders.

In a worker, since an ingress should be thin, and since all workers are already in groups that Kafka keeps; by a lease
and not by a process of its own, since then there is nothing to set up, and no one machine whose loss ends it. Two at
once would do no harm (`hub.reconciliation`), so that the lease need not be exact.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiokafka.errors import KafkaError

from connectors.api import Context, Reconciler, SenderApiError
from hub.config.model import SourceEntry
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.lease import Lease, lease
from hub.log.reader import LogReader
from hub.log.writer import WriteFailedError
from hub.processors.surroundings import Surroundings
from hub.reconciliation import Reconciliation

_log = logging.getLogger(__name__)

_PAUSE = 5.0  # seconds
_FAILURES = (SenderApiError, KafkaUnavailableError, LogAdminError, WriteFailedError)


class Reconcile:
    """``run`` it as a task until it is cancelled; it never raises: whatever fails is tried again at the next time."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._entries = [
            entry for entry in around.configuration.sources.values() if issubclass(entry.connector, Reconciler)
        ]

    async def run(self) -> None:
        topics = self._around.configuration.topics
        while True:
            try:
                work = [(entry, source) for entry, source in self._sources() if source.schedule is not None]
                if not work:
                    return
                async with lease(self._around.connection, topics.group("reconcile"), topics.events) as held:
                    await self._all(work, held)
            except KafkaError as error:
                _log.warning("reconciliation waits for Kafka", extra={"error": str(error)})
            except Exception:  # noqa: BLE001  (a plugin may raise anything, and routing must go on)
                _log.exception("reconciliation failed")
            await asyncio.sleep(_PAUSE)

    def _sources(self) -> Sequence[tuple[SourceEntry, Reconciler]]:
        found = []
        for entry in self._entries:
            log = logging.getLogger(f"source.{entry.name}")
            source = entry.connector(entry.config, Context(entry.name, self._around.home, log, self._around.http))
            assert isinstance(source, Reconciler)
            found.append((entry, source))
        return found

    async def _all(self, work: Sequence[tuple[SourceEntry, Reconciler]], held: Lease) -> None:
        async with asyncio.TaskGroup() as group:
            for entry, source in work:
                group.create_task(self._one(entry, source, held))

    async def _one(self, entry: SourceEntry, source: Reconciler, held: Lease) -> None:
        around, schedule = self._around, source.schedule
        assert schedule is not None
        topics, partitions = around.configuration.topics, around.configuration.log.partitions
        reader = LogReader(around.connection, topics)
        reconciliation = Reconciliation(entry, source, reader, topics.events, partitions)
        while True:
            await held.until_held()
            await self._look(entry.name, reconciliation, schedule.since)
            await asyncio.sleep(schedule.every.total_seconds())

    async def _look(self, source: str, reconciliation: Reconciliation, back: timedelta) -> None:
        now: datetime = self._around.clock()
        try:
            result = await reconciliation.look(now - back, now)
            await reconciliation.append(result.events, self._around.writer)
        except _FAILURES as error:
            _log.warning("reconciliation failed", extra={"source": source, "error": str(error)})
        except Exception:  # noqa: BLE001  (a plugin may raise anything, and routing must go on)
            _log.exception("reconciliation failed", extra={"source": source})
        else:
            _log.debug("reconciled", extra={"source": source, "ended": result.ended, "missing": len(result.events)})
