"""The contract of a destination: what serves one target, one delivery at a time or many at once."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic

import orjson
from typing_extensions import TypeVar

from connectors.errors import DeliveryError
from connectors.model import DestinationConfig, Options
from connectors.source import API_VERSION
from schemas.document import Document
from schemas.event import Event
from schemas.identity import DeliveryKey

if TYPE_CHECKING:
    from connectors.context import Context


class Effect(StrEnum):
    """What a repeated delivery does. Replay and deduplication obey it."""

    IDEMPOTENT = "idempotent"  # nothing: repeat freely
    APPEND = "append"  # adds once more
    NOTIFY = "notify"  # disturbs people once more


ConfigT = TypeVar("ConfigT", bound=DestinationConfig)
OptionsT = TypeVar("OptionsT", bound=Options, default=Options)


@dataclass(frozen=True)
class Delivery(Generic[OptionsT]):
    """One event for one destination by one route. ``attempt`` is 1 on the first try. ``options`` are the route's
    ``with`` values over the destination's defaults, validated by ``options_model``. ``payload_member`` is the
    member of the body that the event's source declares as its payload.
    """

    key: DeliveryKey
    event: Event
    route: str
    attempt: int
    options: OptionsT
    payload_member: str | None = None

    @property
    def body(self) -> bytes:
        """The exact bytes the sender sent."""
        return self.event.body

    @cached_property
    def document(self) -> Document:
        """The event as patterns and templates see it; the body is parsed at most once."""
        return Document(self.event, self.payload_member)

    def json(self) -> Any:
        """The parsed body.

        Raises:
            orjson.JSONDecodeError (a ValueError): the body is not JSON.
        """
        return orjson.loads(self.event.body)


@dataclass(frozen=True, slots=True)
class Batch(Generic[OptionsT]):
    """Deliveries in the order of their subjects; no key is in it twice."""

    deliveries: Sequence[Delivery[OptionsT]]


Outcomes = Mapping[DeliveryKey, DeliveryError | None]
"""How each delivery of a batch ended: None is delivered. A key that is missing is a failure."""


class Destination(ABC, Generic[ConfigT, OptionsT]):
    """Base of both forms; implement EachDestination or BatchDestination.

    One instance per configured destination and worker process. ``open`` is called once before the first delivery
    and again after ``close``. Class attributes: ``name`` is the ``type:`` people write; ``config_model`` validates
    the entry; ``options_model`` validates a route's ``with``; ``effect`` says what a repeat does; ``api_version``
    is the contract the plugin was written for.
    """

    name: ClassVar[str]
    config_model: ClassVar[type[DestinationConfig]]
    options_model: ClassVar[type[Options]] = Options
    effect: ClassVar[Effect]
    api_version: ClassVar[int] = API_VERSION

    def __init__(self, config: ConfigT, context: "Context") -> None:
        self.config = config
        self.context = context

    @property
    def log(self) -> logging.Logger:
        return self.context.logger

    async def open(self) -> None:
        """Connect and check. Raise DestinationDownError when it cannot be reached; the hub tries again."""

    async def close(self) -> None:
        """Release everything. Called on stop, and after a failed ``open``; must not raise or hang."""


class EachDestination(Destination[ConfigT, OptionsT]):
    """A destination that takes one delivery at a time (Slack, HTTP). The hub runs ``concurrency`` of them at once,
    never two of one subject, cancels each after ``timeout``, and reports each as it ends.
    """

    @abstractmethod
    async def deliver_one(self, delivery: Delivery[OptionsT]) -> None:
        """Bring about the effect; return only when the destination has confirmed it.

        Raises:
            DeliveryError: its subclass decides what the hub does (see ``connectors.errors``).
        """


class BatchDestination(Destination[ConfigT, OptionsT]):
    """A destination that takes many deliveries in one call (SQL, object store). One call at a time per partition."""

    @abstractmethod
    async def deliver(self, batch: Batch[OptionsT]) -> Outcomes:
        """Bring about the effects; one outcome per delivery.

        A key missing in the result counts as failed. Raising speaks for every delivery of the batch.
        """
