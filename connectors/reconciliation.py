"""The optional half of a source: asking its sender what has ended, for events whose webhook never came."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field

from connectors.model import ConfigModel
from schemas.event import EventAttributes
from schemas.quantities import Duration


class ReconcileConfig(ConfigModel):
    """How often the sender is asked, and about what."""

    every: Duration = Field(
        timedelta(minutes=10),
        ge=timedelta(seconds=1),
        le=timedelta(days=1),
        description="Ask the sender what has ended this often, and add the events whose webhook never came.",
    )
    since: Duration = Field(
        timedelta(hours=48), gt=timedelta(), le=timedelta(days=30), description="How far back to look."
    )
    after: Duration | None = Field(
        None,
        ge=timedelta(),
        description="How long to wait for a webhook before its event is added. Default: 2m with a `public_url`, 0s "
        "without one.",
    )


@dataclass(frozen=True, slots=True)
class EndedJob:
    """The event of a job's end, made from what the sender's API answers: ``attributes`` and ``body`` as those of the
    webhook would be, and equal whenever the same job is asked for.

    ``attributes`` have a subject, and an id which is made of the job and its end. ``ended`` is when, as far as the
    sender says.
    """

    attributes: EventAttributes
    body: bytes
    ended: datetime | None = None


class Reconciler(ABC):
    """Implement it beside ``Source``; the types of what it yields are among the source's ``terminal_types``.

    ``schedule`` None: only ``hub … reconcile`` asks, when a person runs it. ``grace`` is how long a webhook is waited
    for.
    """

    @property
    @abstractmethod
    def schedule(self) -> ReconcileConfig | None: ...

    @property
    @abstractmethod
    def grace(self) -> timedelta: ...

    @abstractmethod
    def ended(self, since: datetime, jobs: Sequence[str] = ()) -> AsyncIterator[EndedJob]:
        """The jobs that ended at ``since`` or later: all that the sender lists, and those named in ``jobs`` whenever
        they ended. A named one that still runs is left out.

        Raises:
            SenderApiError: while iterating.
        """
