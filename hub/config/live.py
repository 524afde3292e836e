"""The configuration that a process runs: what ``hub.config`` says, taken up while the process works."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from hub.config.current import Refusal, TakeUp
from hub.config.load import ConfigurationError, load_texts
from hub.config.model import Configuration
from hub.config.revisions import refusals
from hub.log.connection import KafkaConnection
from hub.log.revision_follower import RevisionFollower
from hub.log.revisions import RevisionLog, retired
from hub.log.topics import Topics
from schemas.revision import AppliedRevision

_log = logging.getLogger(__name__)

_AGAIN = 10.0
"""Seconds until a revision is tried again that could not be taken up: the file of a secret may be there by then."""

_MOST_KEPT = 20  # earlier revisions whose configurations are kept in memory


class LiveConfiguration:
    """For one event loop; `start` it, then `follow`, then `close`. ``path`` is that of the process: files of secrets
    and ``.env`` are beside it, and ``environ`` has its variables.

    ``refused`` is called each time a revision cannot be taken up, once for each reason.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        path: Path,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self._follower = RevisionFollower(connection, topics)
        self._revisions = RevisionLog(connection, topics)
        self._path = path
        self._environ = environ
        self._clock = clock
        self._current: Configuration | None = None
        self._kept: dict[str, Configuration | None] = {}
        self._idle = asyncio.Condition()
        self._seen = 0  # how many revisions were looked at
        self.since = clock()
        """When the current revision was taken up."""
        self.refusal: Refusal | None = None
        self.refused: Callable[[Refusal], None] = lambda _: None

    @property
    def current(self) -> Configuration:
        """What this process runs now."""
        assert self._current is not None, "started first"
        return self._current

    @property
    def head(self) -> AppliedRevision | None:
        return self._follower.head

    async def start(self, file: Configuration | None) -> Configuration:
        """What is in force now; ``file`` spares reading it once more, where it is the same. Waits while Kafka is away.

        Raises:
            ConfigurationError: what is in force cannot be used in this process.
            NewerFormatError: a newer hub wrote to the topic.
        """
        await self._follower.start()
        while (head := self._follower.head) is None:  # somebody has applied one, and it is just becoming visible
            await self._follower.changed.wait()
            self._follower.changed.clear()
        self._follower.changed.clear()
        self._seen = len(self._follower.history)
        same = file is not None and file.revision == head.revision
        self._current = file if file is not None and same else await self._load(head.texts)
        self.since = self._clock()
        return self._current

    async def follow(self, take_up: TakeUp) -> None:
        """Take up each new revision, the last one where there are several, until cancelled.

        ``take_up`` makes the process run a configuration, wholly; if it raises, the one before stays, and it is tried
        again later. Raises NewerFormatError.
        """
        following = asyncio.create_task(self._follower.ended())
        try:
            while not following.done():
                await self._until_changed(following)
                self._follower.changed.clear()
                await self._take_up(take_up)
            following.result()
        finally:
            following.cancel()

    async def up_to_date(self) -> None:
        """Return when every revision that is in force by now was taken up here, or refused. While the broker is away
        this waits.
        """
        await self._follower.caught_up()
        count = len(self._follower.history)
        async with self._idle:
            await self._idle.wait_for(lambda: self._seen >= count)

    def retired(self) -> dict[str, str]:
        """Destination → the last revision that had it, for those that are no longer configured."""
        return retired(self._follower.history, list(self.current.destinations))

    def retired_since(self, destination: str) -> datetime | None:
        """When the revision came into force that had it no more; None while it is configured."""
        since = None
        for one in reversed(self._follower.history):
            if destination in one.destinations:
                return since
            since = one.at
        return None

    async def of(self, revision: str) -> Configuration | None:
        """An earlier revision, as it is in this process: what it names may no longer be set, and is then not ``whole``.
        None where it is not known, or can no longer be read.
        """
        if revision == self.current.revision:
            return self.current
        if revision not in self._kept:
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[revision] = await self._read(revision)
        return self._kept[revision]

    async def close(self) -> None:
        await self._follower.close()

    async def _until_changed(self, following: "asyncio.Task[None]") -> None:
        changed = asyncio.create_task(self._follower.changed.wait())
        again = None if self.refusal is None else _AGAIN
        try:
            await asyncio.wait({changed, following}, timeout=again, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()

    async def _take_up(self, take_up: TakeUp) -> None:
        head, count = self._follower.head, len(self._follower.history)
        if head is not None and head.revision != self.current.revision:
            await self._try(head, take_up)
        elif head is not None:
            self.refusal = None
        async with self._idle:
            self._seen = count
            self._idle.notify_all()

    async def _try(self, head: AppliedRevision, take_up: TakeUp) -> None:
        try:
            configuration = await self._load(head.texts)
            if problems := list(refusals(self.current, configuration)):
                self._refuse(Refusal(head.revision, "; ".join(problems)))
                return
            await take_up(configuration)
        except ConfigurationError as error:
            self._refuse(Refusal(head.revision, str(error)))
        except Exception as error:  # noqa: BLE001  (a plugin may raise anything; what was in force must stay in force)
            _log.exception("a revision cannot be taken up")
            self._refuse(Refusal(head.revision, f"{type(error).__name__}: {error}"))
        else:
            self._kept[self.current.revision] = self.current
            self._current, self.since, self.refusal = configuration, self._clock(), None
            _log.info("revision taken up", extra={"revision": head.revision, "by": head.by, "why": head.why})

    def _refuse(self, refusal: Refusal) -> None:
        if refusal == self.refusal:
            return
        self.refusal = refusal
        _log.error(
            "a revision cannot be taken up here, the one before stays in force",
            extra={"revision": refusal.revision, "in_force": self.current.revision, "error": refusal.problem},
        )
        self.refused(refusal)

    async def _read(self, revision: str) -> Configuration | None:
        try:
            history = await self._revisions.history()
        except OSError as error:
            _log.warning("an earlier revision cannot be read", extra={"revision": revision, "error": str(error)})
            return None
        texts = next((one.texts for one in reversed(history) if one.revision == revision), None)
        if texts is None:
            return None
        try:
            return await self._load(texts, may_lack=True)
        except ConfigurationError as error:
            _log.warning("an earlier revision cannot be used", extra={"revision": revision, "error": str(error)})
            return None

    async def _load(self, texts: Mapping[str, str], *, may_lack: bool = False) -> Configuration:
        return await asyncio.to_thread(load_texts, texts, self._path, self._environ, may_lack=may_lack)
