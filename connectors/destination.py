"""The contract of a destination: what serves one target: one delivery at a time, many, or a range of the log."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from typing_extensions import TypeVar

from connectors.enrichment import Result
from connectors.errors import DeliveryError
from connectors.expression import Expression
from connectors.model import DestinationConfig, Options
from connectors.source import API_VERSION
from schemas.document import Document
from schemas.event import Event
from schemas.exact_json import dumps, loads
from schemas.identity import DeliveryKey

if TYPE_CHECKING:
    from connectors.context import Context


class Effect(StrEnum):
    """What a repeated delivery does. Replay and deduplication obey it."""

    IDEMPOTENT = "idempotent"  # nothing: repeat freely
    APPEND = "append"  # adds once more
    NOTIFY = "notify"  # disturbs people once more


_OF_THE_BODY = frozenset({"content-encoding", "content-type", "content-length"})

ConfigT = TypeVar("ConfigT", bound=DestinationConfig)
OptionsT = TypeVar("OptionsT", bound=Options, default=Options)


@dataclass(frozen=True)
class Delivery(Generic[OptionsT]):
    """One event for one destination by one route. ``attempt`` is 1 on the first try. ``options`` are the route's
    ``with`` values over the destination's defaults, validated by ``options_model``. ``payload_member`` is the
    member of the body that the event's source declares as its payload. ``result`` is what was fetched for it, on a
    route with ``enrich`` and for events that point at something. ``transform`` is the route's, which makes ``data``.
    """

    key: DeliveryKey
    event: Event
    route: str
    attempt: int
    options: OptionsT
    payload_member: str | None = None
    result: Result | None = None
    transform: Expression | None = None

    @property
    def body(self) -> bytes:
        """The exact bytes the sender sent."""
        return self.event.body

    @cached_property
    def sent(self) -> Event:
        """The event as it is to be sent on: itself, or, on a route with ``transform``, with the transformed data as its
        JSON body, and the digest of that.

        Raises:
            BadRecordError: the transform cannot be applied.
        """
        if self.transform is None:
            return self.event
        body = dumps(self.document["data"])
        headers = tuple(header for header in self.event.headers if header[0] not in _OF_THE_BODY)
        return replace(
            self.event,
            body=body,
            digest=sha256(body).hexdigest(),
            content_type="application/json",
            headers=headers,
        )

    @cached_property
    def document(self) -> Document:
        """The event as patterns and templates see it, and ``result`` and ``result_file`` beside it (see `Result`); the
        body is parsed at most once. On a route with ``transform`` its ``data`` is what that makes of the rest.

        Raises:
            BadRecordError: the transform cannot be applied.
        """
        more = self.result.members if self.result else {}
        document = Document(self.event, self.payload_member, more)
        if self.transform is None:
            return document
        return Document(self.event, self.payload_member, {**more, "data": self.transform.project(dict(document))})

    def json(self) -> Any:
        """The parsed body, its whole numbers exact.

        Raises:
            ValueError: the body is not JSON.
        """
        return loads(self.event.body)


@dataclass(frozen=True, slots=True)
class Batch(Generic[OptionsT]):
    """Deliveries in the order of their subjects; no key is in it twice."""

    deliveries: Sequence[Delivery[OptionsT]]


Outcomes = Mapping[DeliveryKey, DeliveryError | None]
"""How each delivery of a batch ended: None is delivered. A key that is missing is a failure."""


class Destination(ABC, Generic[ConfigT, OptionsT]):
    """Base of all forms; implement EachDestination, BatchDestination or CollectingDestination.

    One instance per configured destination and worker process; while a secret changes, the next one is opened beside
    it, and this one is closed after its last call. ``open`` is called once before the first delivery and again after
    ``close``. Class attributes: ``name`` is the ``type:`` people write; ``config_model`` validates the entry;
    ``options_model`` validates a route's ``with``; ``effect`` says what a repeat does; ``api_version`` is the contract
    the plugin was written for.
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

    @classmethod
    def escape(cls, text: str) -> str:
        """How a value of an event stands in this connector's texts: what it passes to ``Template.render``. The tests of
        ``hub.yaml`` and whoever previews a text render by it, too.
        """
        return text

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


@dataclass(frozen=True, slots=True)
class CollectionLimits:
    """When a collection is full, unless ``batch:`` in ``hub.yaml`` says otherwise: so many deliveries, so many bytes
    of bodies, or so long after its first one.
    """

    max_records: int = 50_000
    max_bytes: int = 32_000_000
    max_wait: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the log a collection begins: it holds what one partition of a topic has from ``start`` on.

    ``incarnation`` tells this topic from an earlier one of the same name (8 hex digits of Kafka's own topic id), whose
    offsets began at 0 as well. All four together are equal on every attempt, worker and machine, and name nothing else:
    whatever is stored for this collection is to be named by them.
    """

    topic: str
    incarnation: str
    partition: int
    start: int


class Collection(ABC, Generic[OptionsT]):
    """Gathers the deliveries of one range, in memory; made by ``CollectingDestination.collect``, for one task."""

    @abstractmethod
    def add(self, delivery: Delivery[OptionsT]) -> None:
        """Take in the next one, in the order of the log. Must not wait, and must come to the same each time: where a
        worker died before the range was done, another one gathers exactly the same deliveries again.

        Raises:
            BadRecordError: it cannot be stored, now or ever: a dead letter, and its neighbours go on. Whatever else is
                raised counts as that, and is logged as a bug of the plugin.
        """

    @abstractmethod
    async def store(self) -> None:
        """Bring about the effect of everything that was added, all of it or none, as far as the caller can tell: on an
        error the hub calls again, later or elsewhere, until it succeeds. A repeat replaces what the call before stored.

        Raises:
            DeliveryError: the store's fault, never a record's; nothing of the range is given up for it.
        """


class CollectingDestination(Destination[ConfigT, OptionsT]):
    """A destination that takes contiguous ranges of the log (object store). The hub gathers and says when a range is
    full; before it lets it be stored it notes down where the range ends, so that whoever comes after a crash stores
    exactly this range again. ``limits`` are the defaults of ``batch:``. Failed calls are repeated in place.
    """

    limits: ClassVar[CollectionLimits] = CollectionLimits()

    @abstractmethod
    def collect(self, span: Span) -> Collection[OptionsT]:
        """Begin a collection. Several are gathered at once, one for each partition, and several may be stored at once.

        One that is dropped (the partition went to another worker) is simply forgotten: it must hold nothing to release.
        """
