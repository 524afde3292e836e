"""Destinations that are no longer configured: what waits for them is delivered all the same, or discarded.

Each is worked on as long as something is in its topics, with the options it had last, and begins again when something
comes back from a retry. Its topics stay until `hub topics prune`.
"""

import asyncio
import logging
from dataclasses import replace

from hub.config.current import Revisions
from hub.config.model import DestinationEntry
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.processors.staff import Post, Staff
from hub.processors.surroundings import Surroundings

_log = logging.getLogger(__name__)

_EVERY = 3.0  # seconds
_ENOUGH = 2  # looks in a row that found nothing


class Retirement:
    """For one worker: `refresh` it before anything is delivered, then `run` it until cancelled."""

    def __init__(self, staff: Staff, revisions: Revisions) -> None:
        self._staff = staff
        self._revisions = revisions
        self._waiting: dict[str, int] = {}
        self._empty: dict[str, int] = {}
        self._told: set[str] = set()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            async with self._staff.turn:
                await self.refresh()
                for name in {*self._waiting, *self._staff.retired}:
                    await self._attend(name)

    async def refresh(self) -> None:
        """See what waits for whom. While Kafka is away, what was known stays."""
        around = self._staff.around
        admin = LogAdmin(around.connection, around.configuration.layout)
        try:
            found = await asyncio.to_thread(admin.unfinished, list(self._revisions.retired()))
        except (KafkaUnavailableError, LogAdminError) as error:
            _log.warning("retired destinations cannot be looked at now", extra={"error": str(error)})
            return
        self._waiting = {name: sum(counts.values()) for name, counts in found.items()}
        self._staff.emptying = frozenset(found)

    async def _begin(self, name: str) -> None:
        around = await self._as_it_was(name)
        if around is None:
            return
        entry = around.configuration.destinations.get(name)
        successor = self._successor(name)
        if successor is not None:
            post = Post(replace(successor, name=name), called=successor.name)
        elif entry is not None:
            post = Post(entry)
        else:
            return
        if not self._staff.selection.wants(successor or post.entry):
            return
        given_up = self._given_up(name)
        if given_up is None and not post.entry.whole:
            self._tell_once(name)
            return
        deliver = self._staff.deliver(post, around, given_up)
        try:
            await self._staff.begin([deliver])
        except BaseException as error:  # Faust raises anything where the broker is away; it is tried again
            await self._staff.end([deliver])
            if isinstance(error, asyncio.CancelledError):
                raise
            _log.warning("a retired destination waits", extra={"destination": name, "error": repr(error)})
        else:
            self._staff.retired[name] = deliver

    def _successor(self, name: str) -> DestinationEntry | None:
        """What has another name now."""
        entries = self._staff.around.configuration.destinations.values()
        return next((entry for entry in entries if entry.was == name), None)

    async def _as_it_was(self, name: str) -> Surroundings | None:
        """The configuration that counts for it: the present one, where it only has another name by now."""
        if self._successor(name) is not None:
            return self._staff.around
        revision = self._revisions.retired().get(name)
        configuration = None if revision is None else await self._revisions.of(revision)
        return None if configuration is None else replace(self._staff.around, configuration=configuration)

    def _given_up(self, name: str) -> str | None:
        """Who gave it up, and why, after it was retired: a destination may come back, and be retired again."""
        control, since = self._staff.controls.discarded(name), self._revisions.retired_since(name)
        if control is None or since is None or control.at < since:
            return None
        return f"discarded by {control.by}" + (f": {control.reason}" if control.reason else "")

    def _tell_once(self, name: str) -> None:
        if name not in self._told:
            self._told.add(name)
            _log.error(
                "a retired destination waits for variables or secrets that are no longer there; set them, and start "
                "this again, or give up what waits by `hub destinations discard`",
                extra={"destination": name},
            )

    async def _attend(self, name: str) -> None:
        running = self._staff.retired.get(name)
        waiting = self._waiting.get(name, 0)
        if waiting:
            self._empty.pop(name, None)
            if running is None:
                await self._begin(name)
            running, given_up = self._staff.retired.get(name), self._given_up(name)
            if running is not None and given_up is not None:
                running.give_up(given_up)
        elif running is not None:
            self._empty[name] = self._empty.get(name, 0) + 1
            if self._empty[name] >= _ENOUGH:
                del self._empty[name], self._staff.retired[name]
                await self._staff.end([running])
                _log.info("retired destination is empty, its work ends", extra={"destination": name})
