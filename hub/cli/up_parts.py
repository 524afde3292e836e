"""The processes of a hub on one machine, and how they change with the configuration."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

from hub.cli.own_file import OwnFile
from hub.cli.starting import Start
from hub.cli.wiring import connection
from hub.config.live import LiveConfiguration
from hub.config.model import Configuration, Durability
from hub.config.settings import Settings
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.embedded import running_address
from hub.supervisor import Part

_log = logging.getLogger(__name__)

DRAIN_SECONDS = 40.0
"""How long the supervisor waits for a part: longer than any part's own deadline, so that theirs decide."""

_LOOK_EVERY = 5.0  # seconds
_BROKER_EVERY = 0.1


class Parts:
    """The parts of one hub, in the order of starting.

    Built-in connectors share the worker that routes; each isolated destination (a plugin, unless told otherwise) gets a
    worker of its own, since it may block, leak or crash.
    """

    def __init__(self, settings: Settings, config: Path, listen: Sequence[str], asked: Sequence[str]) -> None:
        self._settings = settings
        self.config = config
        self._listen = list(listen)
        self._asked = list(asked)
        self._hub = [sys.executable, "-P", "-m", "hub"]

    def of(
        self, configuration: Configuration, retired: Iterable[str] = (), is_settled: Callable[[], bool] = lambda: True
    ) -> list[Part]:
        """Those of a configuration, and of isolated destinations that are ``retired`` and not empty. What comes after
        Kafka waits until it ``is_settled`` what is in force.
        """
        isolated = [entry.name for entry in configuration.destinations.values() if entry.isolated]
        fsync = ["--fsync"] if configuration.log.durability is Durability.FSYNC else []

        def kafka_is_ready() -> bool:
            return running_address(self._settings.home) is not None and is_settled()

        broker = Part("broker", [*self._hub, "broker", *fsync], DRAIN_SECONDS, is_ready=kafka_is_ready)
        return [
            *([broker] if self._settings.kafka is None else []),
            self._worker("worker", ["route", "delay", "status", "shared"]),
            *(self._worker(f"worker-{name}", [name]) for name in dict.fromkeys([*isolated, *retired])),
            self._service("ingress", "ingress", self._listen),
            self._service("api", "api", self._asked),
        ]

    def _worker(self, name: str, only: list[str]) -> Part:
        return self._service(name, "worker", [word for processor in only for word in ("--only", processor)])

    def _service(self, name: str, command: str, options: list[str]) -> Part:
        beat = self._settings.home / "run" / name
        argv = [*self._hub, command, "--config", str(self.config), "--heartbeat", str(beat), *options]
        return Part(name, argv, DRAIN_SECONDS, heartbeat=beat)


class Following:
    """Puts the file into force, and lets the parts be those of what is in force. `run` it until cancelled."""

    def __init__(
        self, settings: Settings, config: Path, parts: Parts, change: Callable[[list[Part]], Awaitable[None]]
    ) -> None:
        self._settings = settings
        self._config = config
        self._parts = parts
        self._change = change
        self._retired: set[str] = set()
        self.settled = False
        """Whether the file is in force, or something else is for good reasons."""

    async def run(self) -> None:
        while True:
            kafka = await self._kafka()
            following = asyncio.create_task(self._follow(kafka))
            try:
                while self._is_at(kafka) and not following.done():
                    await asyncio.wait({following}, timeout=1.0)
            finally:
                following.cancel()
                await asyncio.wait({following})
            if not following.cancelled() and (error := following.exception()):
                self.settled = True  # the parts say it, too, each in its own way
                _log.error("revisions cannot be followed, trying again", extra={"error": str(error)})
                await asyncio.sleep(_LOOK_EVERY)

    async def _kafka(self) -> KafkaConnection:
        while self._settings.kafka is None and running_address(self._settings.home) is None:  # noqa: ASYNC110
            await asyncio.sleep(_BROKER_EVERY)  # another process: no Event to share
        return connection(self._settings)

    def _is_at(self, kafka: KafkaConnection) -> bool:
        return self._settings.kafka is not None or running_address(self._settings.home) in {None, kafka.bootstrap}

    async def _follow(self, kafka: KafkaConnection) -> None:
        live = await Start(self._config, kafka).in_force()
        file = OwnFile(self._config, kafka, live)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(live.follow(self._take_up))
                await file.begin()
                await live.up_to_date()
                await self._take_up(live.current)
                self.settled = True
                group.create_task(file.watch())
                group.create_task(self._look_after_the_retired(live, kafka))
        finally:
            await live.close()

    async def _take_up(self, configuration: Configuration) -> None:
        await self._change(self._parts.of(configuration, self._retired))

    async def _look_after_the_retired(self, live: LiveConfiguration, kafka: KafkaConnection) -> None:
        """An isolated destination that is no longer configured keeps its process until it is empty."""
        while True:
            retired = live.retired()
            admin = LogAdmin(kafka, live.current.layout)
            try:
                found = await asyncio.to_thread(admin.unfinished, list(retired))
            except (KafkaUnavailableError, LogAdminError) as error:
                _log.warning("retired destinations cannot be looked at now", extra={"error": str(error)})
            else:
                waiting = [name for name, counts in found.items() if any(counts.values())]
                isolated = {name for name in waiting if await _is_isolated(live, name, retired[name])}
                if isolated != self._retired:
                    self._retired = isolated
                    await self._take_up(live.current)
            await asyncio.sleep(_LOOK_EVERY)


async def _is_isolated(live: LiveConfiguration, name: str, revision: str) -> bool:
    successor = next((entry for entry in live.current.destinations.values() if entry.was == name), None)
    if successor is not None:
        return successor.isolated
    earlier = await live.of(revision)
    return earlier is not None and name in earlier.destinations and earlier.destinations[name].isolated
