"""The worker: route and deliver in one process, from the first connection to the last commit."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from connectors.api import OutgoingHttp
from connectors.context import utc_now
from hub.config.current import FixedConfiguration, Refusal, Revisions, process_report
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.groups import describe_groups
from hub.log.news import News
from hub.log.process_reporter import THIS_PROCESS, ProcessReporter
from hub.log.records import NewerFormatError
from hub.log.topics import max_record_bytes
from hub.log.writer import LogWriter
from hub.processors.controls import Controls
from hub.processors.enriching import Enriching
from hub.processors.membership import MembershipWatch
from hub.processors.preparation import prepare
from hub.processors.report import Reporter
from hub.processors.retirement import Retirement
from hub.processors.selection import selected
from hub.processors.session import session_timeout
from hub.processors.staff import Staff
from hub.processors.surroundings import Surroundings
from hub.processors.watchdog import Watchdog
from schemas.news import NewsType
from schemas.report import ProcessKind

_log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

_LARGEST_RECORD = 64_000_000
"""An event was accepted when ``max_body`` allowed it; the topics' limits only grow, so Kafka still takes it."""
_CLEAN_EVERY = 3600.0
_LOOK_TIMEOUT = 10.0  # seconds
_CANCEL_TIMEOUT = 45.0  # a revision that is being taken up ends what it has begun


class WorkerFailedError(Exception):
    """The worker cannot go on and must be started anew; the cause says why. Nothing is lost by that."""


async def run_worker(
    configuration: Configuration,
    connection: KafkaConnection,
    settings: Settings,
    *,
    only: Collection[str] = (),
    stop: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
    revisions: Revisions | None = None,
) -> None:
    """Run the selected processors until ``stop`` is set; then drain and commit exactly what was delivered. ``on_ready``
    is called when all of them run. ``configuration`` is what to begin with; ``revisions`` says what comes after it,
    nothing unless told.

    Waits for the broker as long as it takes, and makes the topics that are missing. Returns within about 30 s of
    ``stop``; connectors that ignore being cancelled are left behind, so end the process then, whatever still runs.

    Raises:
        UnknownProcessorError, LogAdminError: nothing was started.
        WorkerFailedError: to be started anew by a supervisor.
    """
    revisions = revisions or FixedConfiguration(configuration, utc_now)
    selection = selected(configuration, only, revisions.retired())
    if await unless(stop, prepare(connection, configuration, configuration.destinations)) is None:
        return
    failure = _Failure()
    async with AsyncExitStack() as stack:
        writer = _writer(connection, configuration)
        await writer.start()
        stack.push_async_callback(writer.stop)
        http = OutgoingHttp(allow_private=settings.allow_private)
        around = Surroundings(
            configuration,
            connection,
            writer,
            http,
            settings.home,
            failure.report,
            Enriching(configuration, settings.home, http, utc_now),
            await asyncio.to_thread(session_timeout, connection),
            revisions.of,
        )
        news = News(writer, configuration.topics, configuration.log.partitions, around.clock)
        news.start()
        stack.push_async_callback(news.close)
        controls = Controls(connection, configuration.topics, configuration.log.partitions, failed=failure.report)
        stack.push_async_callback(controls.close)
        try:
            if await unless(stop, controls.start()) is None:
                return
        except NewerFormatError as error:
            raise WorkerFailedError("what is paused cannot be read") from error
        revisions.refused = partial(_tell, news)
        staff = Staff(selection, around, revisions, controls, news)
        stack.push_async_callback(staff.stop)
        retirement = Retirement(staff, revisions)
        await retirement.refresh()
        await staff.start()
        for task in await _tasks(staff, retirement, revisions, stack):
            stack.push_async_callback(failure.ended, failure.unless_cancelled(asyncio.create_task(task)))
        _log.info("worker runs", extra={"processors": " ".join(one.name for one in staff.members)})
        on_ready()
        await failure.or_until(stop)
    _log.info("worker stopped")


def _writer(connection: KafkaConnection, configuration: Configuration) -> LogWriter:
    return LogWriter(
        connection,
        max_pending_records=50_000,
        max_pending_bytes=2 * _LARGEST_RECORD,
        max_record_bytes=max(_LARGEST_RECORD, max_record_bytes(configuration.max_body)),
        max_batch_bytes=max_record_bytes(configuration.max_body),
    )


def _tell(news: News, refusal: Refusal) -> None:
    error = f"{refusal.revision}: {refusal.problem}"
    news.tell(NewsType.CONFIGURATION_REFUSED, None, source=None, error=error)


async def _tasks(
    staff: Staff, retirement: Retirement, revisions: Revisions, stack: AsyncExitStack
) -> list[Coroutine[Any, Any, None]]:
    """What runs beside the processors."""
    around = staff.around
    topics, partitions, connection = around.configuration.topics, around.configuration.log.partitions, around.connection
    reporter = Reporter(
        lambda: [*staff.delivers.values(), *staff.retired.values()], around.writer, topics, partitions, around.clock
    )
    process = ProcessReporter(
        lambda: process_report(revisions, ProcessKind.WORKER, THIS_PROCESS, around.clock()),
        around.writer,
        topics,
        partitions,
    )
    stack.push_async_callback(reporter.end)
    stack.push_async_callback(process.end)
    look = partial(describe_groups, connection, timeout=_LOOK_TIMEOUT)
    return [
        Watchdog(staff.members, around.failed).run(),
        MembershipWatch(staff.members, look, partitions, around.failed).run(),
        _clean(staff),
        reporter.run(),
        process.run(),
        retirement.run(),
        around.enriching.prune(),
        revisions.follow(staff.take_up),
    ]


class _Failure:
    """The first report of a processor that cannot go on."""

    def __init__(self) -> None:
        self._reported = asyncio.Event()
        self._error: BaseException | None = None

    def report(self, error: BaseException) -> None:
        self._error = self._error or error
        self._reported.set()

    def unless_cancelled(self, task: "asyncio.Task[None]") -> "asyncio.Task[None]":
        """Report how a task ended that is to run until it is cancelled: nobody awaits it."""

        def ended(task: "asyncio.Task[None]") -> None:
            if not task.cancelled() and (error := task.exception()) is not None:
                self.report(error)

        task.add_done_callback(ended)
        return task

    async def ended(self, task: "asyncio.Task[None]") -> None:
        """Cancel a task, and wait for its end."""
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_TIMEOUT)

    async def or_until(self, stop: asyncio.Event) -> None:
        """Wait for ``stop``; raises WorkerFailedError when a report comes first."""
        waits = [asyncio.create_task(self._reported.wait()), asyncio.create_task(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self._error is not None:
            raise WorkerFailedError("a processor cannot go on") from self._error


async def unless(stop: asyncio.Event, call: Coroutine[Any, Any, ResultT]) -> "asyncio.Task[ResultT] | None":
    """Await a call that may wait for the broker as long as it takes; None when told to stop meanwhile.

    Raises what the call raises.
    """
    calling, stopped = asyncio.create_task(call), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({calling, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    if not calling.done():
        calling.cancel()
        return None
    calling.result()
    return calling


async def _clean(staff: Staff) -> None:
    """Delete finished work now and then. It may wait: a failure is worth a line, no more."""
    while True:
        admin = LogAdmin(staff.around.connection, staff.around.configuration.layout)
        try:
            deleted = await asyncio.to_thread(admin.delete_finished)
        except (KafkaUnavailableError, LogAdminError) as error:
            _log.warning("finished work not deleted", extra={"error": str(error)})
        else:
            if deleted:
                _log.info("finished work deleted", extra={"topics": " ".join(deleted)})
        await asyncio.sleep(_CLEAN_EVERY)
