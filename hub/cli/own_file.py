"""The file of ``hub up``: put into force when the hub starts and when it changes, unless somebody rolled it back."""

import asyncio
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

from hub.cli.change.log import whoami
from hub.config.files import read_texts
from hub.config.live import LiveConfiguration
from hub.config.load import ConfigurationError, load
from hub.config.model import Configuration
from hub.config.problems import Problems
from hub.config.revisions import applied, is_settled, refusals
from hub.config.routing_tests import run_tests
from hub.log.admin_client import LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.revisions import RevisionConflictError, RevisionLog, RevisionTooLargeError
from hub.log.topics import max_record_bytes

_log = logging.getLogger("hub.file")

_EVERY = 1.0  # seconds between two looks at the file


class OwnFile:
    """By its contents: a rename, writing in place and another target of a link all look the same then. They count when
    two looks in a row found the same, since one alone may fall into the middle of a write.
    """

    def __init__(self, path: Path, kafka: KafkaConnection, live: LiveConfiguration) -> None:
        self._path = path
        self._kafka = kafka
        self._live = live
        self._settled: tuple[tuple[str, str], ...] = ()

    async def begin(self) -> None:
        """`settle` it as it is now."""
        self._settled = await asyncio.to_thread(self._contents)
        await self.settle("hub up")

    async def settle(self, why: str) -> None:
        """Put the file into force, if it is another one than what is in force, and nobody rolled it back. Whatever is
        wrong with it changes nothing, and is an error in the log.

        Raises:
            KafkaUnavailableError, NewerFormatError
        """
        try:
            file = await asyncio.to_thread(load, self._path, os.environ)
        except ConfigurationError as error:
            self._refuse(str(error))
            return
        if failures := run_tests(file):
            self._refuse("\n".join(map(str, failures)))
        elif problems := list(refusals(self._live.current, file)):
            self._refuse("\n".join(problems))
        else:
            await self._apply(file, why)

    async def watch(self) -> None:
        """`settle` it each time it has changed since it was, until cancelled. Raises NewerFormatError."""
        seen = self._settled
        while True:
            await asyncio.sleep(_EVERY)
            before, seen = seen, await asyncio.to_thread(self._contents)
            if seen != before or seen == self._settled:
                continue
            try:
                await self.settle(f"{self._path.name} changed")
            except OSError as error:
                _log.warning("the file has changed, and waits for Kafka", extra={"error": str(error)})
            else:
                self._settled = seen

    async def _apply(self, file: Configuration, why: str) -> None:
        log = RevisionLog(self._kafka, file.topics)
        while True:
            history = await log.history()
            head = history[-1] if history else None
            if is_settled(head, file.revision):
                return
            change = applied(file, head, by=whoami(), why=why, at=datetime.now(UTC))
            try:
                await log.append(change, max_record_bytes(file.max_body))
            except RevisionConflictError as error:
                _log.info("trying again", extra={"error": str(error)})
            except (RevisionTooLargeError, LogAdminError) as error:
                self._refuse(str(error))
                return
            else:
                _log.info("the file is in force", extra={"revision": file.revision, "why": why})
                return

    def _contents(self) -> tuple[tuple[str, str], ...]:
        return tuple((str(each.path), each.text) for each in read_texts(self._path, Problems()))

    def _refuse(self, problem: str) -> None:
        _log.error(
            "the file cannot be put into force, what was in force stays so",
            extra={"file": str(self._path), "in_force": self._live.current.revision, "error": problem},
        )
