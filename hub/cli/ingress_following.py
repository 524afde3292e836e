"""What an ingress does with revisions: it begins with what is in force, and exchanges its sources while it receives."""

import asyncio

from connectors.context import utc_now
from hub.cli.starting import Start
from hub.config.current import process_report
from hub.config.live import LiveConfiguration
from hub.config.model import Configuration
from hub.ingress.inlets import Inlets
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.process_reporter import THIS_PROCESS, ProcessReporter
from hub.log.writer import LogWriter
from schemas.report import ProcessKind

_ADMIN_TIMEOUT = 5.0  # seconds: a stop waits for a check of the topics that has begun


class Following:
    """For one event loop: `prepare` it until that succeeds, then `run` it until cancelled."""

    def __init__(self, start: Start, kafka: KafkaConnection, inlets: Inlets, writer: LogWriter) -> None:
        self._start = start
        self._kafka = kafka
        self._inlets = inlets
        self._writer = writer
        self._live: LiveConfiguration | None = None
        inlets.settled = False

    async def prepare(self) -> None:
        """Serve the sources of what is in force, with the topics in place.

        Raises:
            KafkaUnavailableError: nobody answers.
            ConfigurationError, LogAdminError, NewerFormatError
        """
        await self._start.see_to_it()
        if self._live is None:
            self._live = await self._start.begun()
        await self._take_up(self._live.current)
        self._inlets.settled = True

    async def run(self) -> None:
        """Take up each new revision, and say which one this is. Raises NewerFormatError."""
        live = self._live
        assert live is not None, "prepared before"
        current = live.current
        reporter = ProcessReporter(
            lambda: process_report(live, ProcessKind.INGRESS, THIS_PROCESS, utc_now()),
            self._writer,
            current.topics,
            current.log.partitions,
        )
        reporting = asyncio.create_task(reporter.run())
        try:
            await live.follow(self._take_up)
        finally:
            reporting.cancel()
            await asyncio.wait({reporting})
            await reporter.end()
            await live.close()

    async def _take_up(self, configuration: Configuration) -> None:
        admin = LogAdmin(self._kafka, configuration.layout, timeout=_ADMIN_TIMEOUT)
        await asyncio.to_thread(admin.ensure)  # a larger max_body needs room
        await self._inlets.change(configuration.sources)
