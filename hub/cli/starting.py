"""How a part of the hub begins: with what is in force; and where nothing is, it puts its file into force."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from connectors.context import utc_now
from hub.cli.change.log import whoami
from hub.cli.wiring import fail
from hub.config.files import name_in
from hub.config.live import LiveConfiguration
from hub.config.load import ConfigurationError, load
from hub.config.model import Configuration
from hub.config.revisions import applied, refusals
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, TopicMismatchError
from hub.log.connection import KafkaConnection
from hub.log.revisions import RevisionConflictError, RevisionLog
from hub.log.topics import Topics, max_record_bytes
from hub.supervisor import CONFIGURATION_ERROR

_log = logging.getLogger(__name__)

_BROKER_PAUSE = 1.0  # seconds
FIRST = "the first start"


class Start:
    """Reads the file at ``path``, and ends the command with 2 where not even the hub's name can be read there. A file
    that cannot be used otherwise is good enough where something else is in force: the log says what is wrong with it.
    """

    def __init__(self, path: Path, kafka: KafkaConnection) -> None:
        self._path = path
        self._kafka = kafka
        self._problem: ConfigurationError | None = None
        self.file: Configuration | None = None
        """None: it cannot be used."""
        if not path.exists():
            fail(f"there is no {path}; `hub init` writes one, `--config` names another", CONFIGURATION_ERROR)
        try:
            self.file = load(path, os.environ)
        except ConfigurationError as error:
            self._problem = error
        name = self.file.name if self.file else name_in(path)
        if name is None:
            self._give_up()
        self._topics = Topics(name)

    async def in_force(self) -> LiveConfiguration:
        """What this process runs from now on. Waits for Kafka as long as it takes.

        Raises:
            ConfigurationError: nothing is in force and the file cannot be used, or what is in force cannot.
            LogAdminError: the cluster refuses, or is not as it must be.
            NewerFormatError
        """
        while True:
            try:
                await self.see_to_it()
            except KafkaUnavailableError as error:
                _log.warning("waiting for Kafka", extra={"error": str(error)})
                await asyncio.sleep(_BROKER_PAUSE)
            else:
                return await self.begun()

    def first(self) -> Configuration:
        """The file's configuration, or, where that cannot be used, what is in force: good enough to begin with. Ends
        the command with 2 where neither can; raises as `in_force` otherwise.
        """
        try:
            return self.file or asyncio.run(self._look())
        except ConfigurationError as error:
            fail(str(error), CONFIGURATION_ERROR)

    async def _look(self) -> Configuration:
        live = await self.in_force()
        try:
            return live.current
        finally:
            await live.close()

    async def begun(self) -> LiveConfiguration:
        """What is in force, once something is."""
        live = LiveConfiguration(self._kafka, self._topics, self._path, os.environ, utc_now)
        try:
            current = await live.start(self.file)
        except BaseException:
            await live.close()
            raise
        if self.file is not None and (others := list(refusals(current, self.file))):
            await live.close()
            raise TopicMismatchError("\n".join(others))  # what was already made by the file would not fit
        if self._problem is not None:
            extra = {"error": str(self._problem), "in_force": current.revision}
            _log.error("the file cannot be used; what is in force does not come from it", extra=extra)
        elif self.file is not None and self.file.revision != current.revision:
            extra = {"file": self.file.revision, "in_force": current.revision}
            _log.warning("another configuration than the file's is in force", extra=extra)
        return live

    async def see_to_it(self) -> None:
        """Make sure that something is in force.

        Raises:
            ConfigurationError, LogAdminError, NewerFormatError, KafkaUnavailableError
        """
        log = RevisionLog(self._kafka, self._topics)
        if await log.history_if_any():
            return
        if self.file is None:
            assert self._problem is not None, "else there would be a file"
            raise self._problem
        await asyncio.to_thread(LogAdmin(self._kafka, self.file.layout).ensure)
        first = applied(self.file, None, by=whoami(), why=FIRST, at=datetime.now(UTC))
        try:
            await log.append(first, max_record_bytes(self.file.max_body))
        except RevisionConflictError:  # another part of the hub was faster
            return

    def _give_up(self) -> NoReturn:
        click.echo(str(self._problem), err=True)
        raise SystemExit(CONFIGURATION_ERROR)
