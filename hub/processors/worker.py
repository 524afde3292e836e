"""The worker: route and deliver in one process, from the first connection to the last commit."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from connectors.api import OutgoingHttp
from connectors.context import utc_now
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.groups import describe_groups
from hub.log.news import News
from hub.log.records import NewerFormatError
from hub.log.topics import max_record_bytes
from hub.log.writer import LogWriter
from hub.processors.controls import Controls
from hub.processors.delay import Delay
from hub.processors.deliver import Deliver
from hub.processors.enriching import Enriching
from hub.processors.membership import MembershipWatch
from hub.processors.reconcile import Reconcile
from hub.processors.report import Reporter
from hub.processors.route import Route
from hub.processors.session import session_timeout
from hub.processors.status import make_status
from hub.processors.surroundings import Surroundings
from hub.processors.watchdog import Watchdog
from hub.processors.witness import Announcer

_log = logging.getLogger(__name__)

ROUTE, DELAY, DELIVER, STATUS = "route", "delay", "deliver", "status"
_LARGEST_RECORD = 64_000_000
"""An event was accepted when ``max_body`` allowed it; the topics' limits only grow, so Kafka still takes it."""
_STOP_TIMEOUT = 30.0  # seconds for everything together
_CLEAN_EVERY = 3600.0
_BROKER_PAUSE = 1.0
_LOOK_TIMEOUT = 10.0  # seconds


class Processor(Protocol):
    """What the worker runs. ``app`` is the Faust app."""

    name: str

    @property
    def app(self) -> Any: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class UnknownProcessorError(ValueError):
    """``--only`` names something that is neither a processor nor a destination."""


class WorkerFailedError(Exception):
    """The worker cannot go on and must be started anew; the cause says why. Nothing is lost by that."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a worker runs."""

    route: bool
    delay: bool
    status: bool
    destinations: tuple[str, ...]


def selected(configuration: Configuration, only: Collection[str]) -> Selection:
    """What ``only`` names, everything where it names nothing.

    Raises:
        UnknownProcessorError
    """
    names = tuple(configuration.destinations)
    if unknown := [name for name in only if name not in {ROUTE, DELAY, DELIVER, STATUS, *names}]:
        raise UnknownProcessorError(
            f"there is no {', '.join(unknown)} to run; "
            f"expected {ROUTE}, {DELAY}, {DELIVER}, {STATUS}, or one of {', '.join(names)}"
        )
    if not only:
        return Selection(route=True, delay=True, status=True, destinations=names)
    destinations = names if DELIVER in only else tuple(name for name in names if name in only)
    return Selection(ROUTE in only, DELAY in only, STATUS in only, destinations)


async def run_worker(
    configuration: Configuration,
    connection: KafkaConnection,
    settings: Settings,
    *,
    only: Collection[str] = (),
    stop: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Run the selected processors until ``stop`` is set; then drain and commit exactly what was delivered. ``on_ready``
    is called when all of them run.

    Waits for the broker as long as it takes, and makes the topics that are missing. Returns within about 30 s of
    ``stop``; connectors that ignore being cancelled are left behind, so end the process then, whatever still runs.

    Raises:
        UnknownProcessorError, LogAdminError: nothing was started.
        WorkerFailedError: to be started anew by a supervisor.
    """
    selection = selected(configuration, only)
    admin = LogAdmin(connection, configuration.layout)
    if not await _prepared(admin, configuration, stop):
        return
    writer = LogWriter(
        connection,
        max_pending_records=50_000,
        max_pending_bytes=2 * _LARGEST_RECORD,
        max_record_bytes=max(_LARGEST_RECORD, max_record_bytes(configuration.max_body)),
        max_batch_bytes=max_record_bytes(configuration.max_body),
    )
    failure = _Failure()
    topics, partitions = configuration.topics, configuration.log.partitions
    async with AsyncExitStack() as stack:
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
        )
        news = News(writer, topics, partitions, around.clock)
        news.start()
        stack.push_async_callback(news.close)
        controls = Controls(connection, topics, partitions, failed=failure.report)
        stack.push_async_callback(controls.close)
        try:
            if not await _unless(stop, controls.start()):
                return
        except NewerFormatError as error:
            raise WorkerFailedError("what is paused cannot be read") from error
        processors, delivers = await _build(selection, around, admin, controls, news)
        reporter = Reporter(delivers, writer, topics, partitions, around.clock)
        stack.push_async_callback(reporter.end)
        stack.push_async_callback(_stop, processors)
        look = partial(describe_groups, connection, timeout=_LOOK_TIMEOUT)
        members = MembershipWatch(processors, look, partitions, failure.report)
        tasks = [Watchdog(processors, failure.report).run(), members.run(), _clean(admin), reporter.run()]
        tasks.append(around.enriching.prune())
        if selection.route:
            tasks.append(Reconcile(around).run())
        for task in tasks:
            stack.callback(failure.unless_cancelled(asyncio.create_task(task)).cancel)
        # Together: each sleeps for a second on its way up.
        await asyncio.gather(*(processor.start() for processor in processors))
        _log.info("worker runs", extra={"processors": " ".join(processor.name for processor in processors)})
        on_ready()
        await failure.or_until(stop)
    _log.info("worker stopped")


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

    async def or_until(self, stop: asyncio.Event) -> None:
        """Wait for ``stop``; raises WorkerFailedError when a report comes first."""
        waits = [asyncio.create_task(self._reported.wait()), asyncio.create_task(stop.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if self._error is not None:
            raise WorkerFailedError("a processor cannot go on") from self._error


async def _build(
    selection: Selection, around: Surroundings, admin: LogAdmin, controls: Controls, news: News
) -> tuple[list[Processor], list[Deliver]]:
    destinations = around.configuration.destinations
    delivers = [
        Deliver(destinations[name], around, controls, Announcer(name, around, news)) for name in selection.destinations
    ]
    processors: list[Processor] = [*delivers]
    if selection.delay:
        tiers, ledgers = await asyncio.to_thread(admin.tiers), await asyncio.to_thread(admin.ledgers)
        processors.insert(0, Delay(tiers, ledgers, around))
    if selection.route:
        processors.insert(0, Route(around))
    if selection.status:
        processors.append(await make_status(around, news))
    return processors, delivers


async def _unless(stop: asyncio.Event, call: Coroutine[Any, Any, None]) -> bool:
    """Await a call that may wait for the broker as long as it takes; False when told to stop meanwhile."""
    calling, stopped = asyncio.create_task(call), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({calling, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    if not calling.done():
        calling.cancel()
        return False
    calling.result()
    return True


async def _prepared(admin: LogAdmin, configuration: Configuration, stop: asyncio.Event) -> bool:
    """Wait for the broker and make the topics; False when told to stop meanwhile."""
    while not stop.is_set():
        try:
            created = await asyncio.to_thread(admin.ensure)
            for name in configuration.destinations:
                await _warn_of_forgotten(admin, name)
        except KafkaUnavailableError as error:
            _log.warning("waiting for Kafka", extra={"error": str(error)})
            with suppress(TimeoutError):
                async with asyncio.timeout(_BROKER_PAUSE):
                    await stop.wait()
        else:
            if created:
                _log.info("topics created", extra={"topics": " ".join(created)})
            return True
    return False


async def _warn_of_forgotten(admin: LogAdmin, destination: str) -> None:
    """A group that lost its offsets starts at the beginning; the outcomes remove what they still remember."""
    partitions = await asyncio.to_thread(admin.forgotten, destination)
    if partitions:
        _log.error(
            "the group has no committed offsets although there are outcomes: deliveries are read from the beginning, "
            "and those whose outcomes are older than the deduplication window are made again",
            extra={"destination": destination, "partitions": partitions},
        )


async def _clean(admin: LogAdmin) -> None:
    """Delete finished work now and then. It may wait: a failure is worth a line, no more."""
    while True:
        try:
            deleted = await asyncio.to_thread(admin.delete_finished)
        except (KafkaUnavailableError, LogAdminError) as error:
            _log.warning("finished work not deleted", extra={"error": str(error)})
        else:
            if deleted:
                _log.info("finished work deleted", extra={"topics": " ".join(deleted)})
        await asyncio.sleep(_CLEAN_EVERY)


async def _stop(processors: Sequence[Processor]) -> None:
    tasks = {asyncio.create_task(processor.stop(), name=processor.name) for processor in processors}
    if not tasks:
        return
    done, hung = await asyncio.wait(tasks, timeout=_STOP_TIMEOUT)
    for task in done:
        if error := task.exception():
            _log.error("processor stopped badly", extra={"processor": task.get_name(), "error": repr(error)})
    for task in hung:
        _log.error("processor does not stop", extra={"processor": task.get_name(), "timeout": _STOP_TIMEOUT})
