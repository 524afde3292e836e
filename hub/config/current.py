"""Which configuration a process runs: one for good, or one that changes (`hub.config.live`)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hub.config.model import Configuration
from schemas.report import ProcessKind, ProcessReport

TakeUp = Callable[[Configuration], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A revision that this process cannot take up, and why."""

    revision: str
    problem: str


class Revisions(Protocol):
    """The configuration of a process, and those before it. ``refused`` is called with each that cannot be taken up."""

    refused: Callable[[Refusal], None]

    @property
    def current(self) -> Configuration: ...
    @property
    def since(self) -> datetime:
        """When the current one was taken up."""

    @property
    def refusal(self) -> Refusal | None: ...
    async def follow(self, take_up: TakeUp) -> None:
        """Let each new one be taken up, until cancelled."""

    async def up_to_date(self) -> None:
        """Return when all that is in force by now was taken up, or refused."""

    def retired(self) -> dict[str, str]:
        """Destination → the last revision that had it, for those that are no longer configured."""

    def retired_since(self, destination: str) -> datetime | None:
        """When a destination was retired; None for one that is configured."""

    async def of(self, revision: str) -> Configuration | None:
        """An earlier one, of which something may be unset by now; None where nobody knows it."""


class FixedConfiguration:
    """One for good: for whoever runs a part of the hub without ``hub.config``."""

    def __init__(self, configuration: Configuration, clock: Callable[[], datetime]) -> None:
        self.current = configuration
        self.since = clock()
        self.refusal: Refusal | None = None
        self.refused: Callable[[Refusal], None] = lambda _: None

    async def follow(self, take_up: TakeUp) -> None:  # noqa: ARG002  (there is never another)
        await asyncio.Event().wait()

    async def up_to_date(self) -> None:
        return

    def retired(self) -> dict[str, str]:
        return {}

    def retired_since(self, destination: str) -> datetime | None:  # noqa: ARG002
        return None

    async def of(self, revision: str) -> Configuration | None:
        return self.current if revision == self.current.revision else None


def process_report(revisions: Revisions, kind: ProcessKind, process: str, now: datetime) -> ProcessReport:
    """What a process says of itself."""
    refusal = revisions.refusal
    return ProcessReport(
        kind=kind,
        process=process,
        at=now,
        revision=revisions.current.revision,
        since=revisions.since,
        refused=refusal.revision if refusal else None,
        problem=refusal.problem if refusal else None,
    )
