"""``hub.yaml`` as typed values. ``hub.config.load`` makes them; everything else reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from connectors.api import (
    BatchDestination,
    CollectingDestination,
    ConfigModel,
    Destination,
    DestinationConfig,
    Duration,
    Expression,
    Options,
    Size,
    Source,
    SourceConfig,
    Template,
)
from hub.config.enrichments import EnrichmentsConfig
from hub.config.file_secrets import FileSecrets
from hub.config.status import StatusConfig
from hub.log.topics import Layout, Topics
from hub.rules import Pattern
from schemas.identity import OncePer
from schemas.lane import Lane
from schemas.names import Name


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in the configuration, shown as ``hub.yaml:14``; line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


Place = tuple[str | int, ...]
"""The id of a route and the way from there: ``("failed-jobs", "when", "data", "error_code", 0)``."""


class Durability(StrEnum):
    REPLICATION = "replication"  # a 202 is safe as long as one in-sync replica lives
    FSYNC = "fsync"  # and on one node, when the power fails


class LogConfig(ConfigModel):
    """How the Kafka topics are made. Counts are fixed at creation; a mismatch refuses to start."""

    partitions: int = Field(8, ge=1, le=1024, description="Partitions of every hub topic; fixed at creation.")
    replication: int = Field(1, ge=1, le=9, description="Copies of every record; 3 on a cluster.")
    retention: Duration = Field(timedelta(days=30), description="How long `hub.events` is kept.")
    durability: Durability = Field(
        Durability.REPLICATION, description="`fsync`: every record is on disk before a 202, for a single node."
    )
    manage_topics: bool = Field(
        default=True,
        description="Whether the hub makes and sets its topics; `hub topics --commands` prints how others do.",
    )


class RetryConfig(ConfigModel):
    """When to try a failed delivery again, and when to give up."""

    max_attempts: int = Field(8, ge=1, le=1000, description="Tries before a dead letter, the first included.")
    max_age: Duration = Field(
        timedelta(hours=24),
        description="Give up this long after the first try began, not counting the time the destination was down.",
    )
    backoff: Duration = Field(
        timedelta(seconds=1),
        description="Pause before the first probe of a destination that is down, and after the first failure on a "
        "route with `order: strict`; doubles each time. Other retries wait as `retry.delays` at the top says.",
    )
    max_backoff: Duration = Field(timedelta(minutes=5), description="Longest such pause.")


DEFAULT_DELAYS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)


def _ascending(delays: tuple[timedelta, ...]) -> tuple[timedelta, ...]:
    if any(later <= earlier for earlier, later in pairwise(delays)):
        raise ValueError("each delay must be longer than the one before it")
    return delays


class RetryDelays(ConfigModel):
    """How long retries wait; shared by all destinations, each delay is a topic."""

    delays: Annotated[
        tuple[Annotated[Duration, Field(ge=timedelta(milliseconds=100), le=timedelta(days=7))], ...],
        AfterValidator(_ascending),
    ] = Field(
        DEFAULT_DELAYS,
        min_length=1,
        max_length=12,
        description="Pause after the first failed attempt, the second, and so on; the last counts for all that follow.",
    )


class Order(StrEnum):
    """What a failed delivery does to the later ones of its subject."""

    SUBJECT = "subject"  # they run ahead of it until its next try
    STRICT = "strict"  # they wait for it


class BatchConfig(ConfigModel):
    """How many deliveries one call takes, to connectors that take many; and, of those that collect (``object_store``),
    when a collection is written.
    """

    max_records: int | None = Field(
        None, ge=1, le=1_000_000, description="Deliveries at most. Default: 500, for connectors that collect 50,000."
    )
    max_bytes: Size | None = Field(
        None, gt=0, description="Bytes of bodies at most. Default: 8MB, for connectors that collect 32MB."
    )
    max_wait: Duration | None = Field(
        None,
        gt=timedelta(),
        le=timedelta(days=1),
        description="For connectors that collect: longest time until what has come is written. Default: 60s.",
    )
    max_buffered: Size | None = Field(
        None,
        gt=0,
        description="For connectors that collect: bytes of bodies one worker holds over all partitions; the largest "
        "collection is written when it has so many. Default: 32MB.",
    )


@dataclass(frozen=True, slots=True)
class Batching:
    """``batch:`` of one destination with everything filled in. The last two are of those that collect."""

    max_records: int = 500
    max_bytes: int = 8_000_000
    max_wait: timedelta = timedelta(seconds=60)
    max_buffered: int = 32_000_000

    @classmethod
    def of(cls, connector: type[Destination[Any, Any]], config: BatchConfig) -> "Batching":
        """What is written, then what the connector says, then the hub's defaults."""
        own = connector.limits if issubclass(connector, CollectingDestination) else cls()
        return cls(
            config.max_records or own.max_records,
            config.max_bytes or own.max_bytes,
            config.max_wait or own.max_wait,
            config.max_buffered or cls().max_buffered,
        )


class DeliverySettings(ConfigModel):
    """What every destination understands beside the connector's own options."""

    timeout: Duration = Field(timedelta(seconds=30), description="Longest time for one call to the connector.")
    concurrency: int = Field(8, ge=1, le=1000, description="Calls at once, for connectors that take one at a time.")
    batch: BatchConfig = Field(
        BatchConfig(), description="Size of one call, or one collection, for connectors that take many."
    )
    retry: RetryConfig = Field(RetryConfig(), description="When to try again.")
    rate_limit: float | None = Field(
        None, gt=0, le=1_000_000, description="Deliveries per second at most, in each worker; paces, never drops."
    )
    isolate: bool | None = Field(
        None, description="A worker process of its own. Default: yes for plugins, no for built-in connectors."
    )


class Renamed(ConfigModel):
    """What a destination says of its past."""

    was: Name | None = Field(
        None,
        description="The name this destination had before: what waits under that name is delivered first, as is "
        "configured here. Leave it until `hub status` no longer shows the old name.",
    )


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One of ``sources:``. ``connector(config, context)`` makes the instance; ``file_secrets`` another ``config``.
    ``written`` is a digest of all that is written of it, variables put in: as long as it is equal, nothing changed.
    """

    name: str
    connector: type[Source[Any]]
    config: SourceConfig
    where: Where
    file_secrets: FileSecrets[SourceConfig] | None = field(default=None, repr=False)
    written: str = ""


@dataclass(frozen=True, slots=True)
class DestinationEntry:
    """One of ``destinations:``. ``isolated`` says whether it gets a worker process of its own. ``written`` is a digest
    as that of a source, ``was`` the name that this destination had before. ``whole`` False: something has no value
    here, so that nothing can be delivered.
    """

    name: str
    connector: type[Destination[Any, Any]]
    config: DestinationConfig
    settings: DeliverySettings
    isolated: bool
    where: Where
    file_secrets: FileSecrets[DestinationConfig] | None = field(default=None, repr=False)
    written: str = ""
    was: str | None = None
    whole: bool = True

    @property
    def batching(self) -> Batching:
        return Batching.of(self.connector, self.settings.batch)

    @property
    def takes_batches(self) -> bool:
        """Whether one call takes many deliveries."""
        return issubclass(self.connector, BatchDestination)

    @property
    def collects(self) -> bool:
        """Whether the hub gathers ranges of the log for it."""
        return issubclass(self.connector, CollectingDestination)


@dataclass(frozen=True, slots=True)
class Target:
    """One destination of a route, with the route's ``with`` values and ``retry`` merged over the destination's.
    ``whole`` False: something of them, or of the route, has no value here.
    """

    destination: str
    options: Options
    retry: RetryConfig
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """One of ``routes:``. ``when`` None matches every event. ``to`` is in the order written.

    ``unless`` is what an event must not match, ``sample`` the share of events it takes, ``stop`` and ``otherwise`` are
    explained in ``hub.config.deciding``. ``transform`` makes what connectors see as ``data``.

    ``priority`` is a lane, or the template of one. ``stale_after`` is how long after the hub received an event it is
    still worth delivering; None: always. ``once_per`` is what takes the place of the event's id in its deliveries' ids,
    ``was`` what takes the place of the route's. ``enrich`` names what is fetched before a delivery is made.
    """

    id: str
    when: Pattern | None
    to: tuple[Target, ...]
    where: Where
    enabled: bool = True
    unless: Pattern | None = None
    sample: float | None = None
    stop: bool = False
    otherwise: bool = False
    transform: Expression | None = None
    order: Order = Order.SUBJECT
    priority: Lane | Template = Lane.NORMAL
    stale_after: timedelta | None = None
    once_per: tuple[OncePer, ...] = ()
    enrich: str | None = None
    was: str | None = None
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoutingTest:
    """One of ``tests:``. ``event`` is a document as patterns see it; ``expect`` the ids of the routes that match;
    ``renders`` by route, destination and option what its templates come to. ``result`` is what `enrich` would fetch.
    """

    name: str
    event: Mapping[str, Any]
    expect: tuple[str, ...]
    where: Where
    renders: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    result: Any = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is probably a mistake, though the hub can run with it. ``code`` is stable: ``unknown-source``. ``fix`` is
    what to write instead, where the message does not say it.
    """

    where: Where
    code: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.code}]" + (f"\n  fix: {self.fix}" if self.fix else "")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole, valid ``hub.yaml``. ``revision`` is 12 hex digits of the SHA-256 of its ``texts``, file name → text,
    variables unexpanded. ``places`` says where the keys of routes stand: see `hub.config.places`. ``unset`` are the
    keys at the top in which something has no value here: good to look at, not to run.
    """

    name: str
    log: LogConfig
    sources: Mapping[str, SourceEntry]
    destinations: Mapping[str, DestinationEntry]
    routes: tuple[Route, ...]
    tests: tuple[RoutingTest, ...]
    revision: str
    delays: tuple[timedelta, ...] = DEFAULT_DELAYS
    status: StatusConfig = field(default_factory=StatusConfig)
    enrichments: EnrichmentsConfig = field(default_factory=EnrichmentsConfig)
    findings: tuple[Finding, ...] = ()
    places: Mapping[Place, Where] = field(default_factory=dict, repr=False)
    unset: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def topics(self) -> Topics:
        return Topics(self.name)

    @property
    def layout(self) -> Layout:
        """The topics it needs."""
        return Layout(self.topics, self.log, tuple(self.destinations), self.delays, self.max_body)

    @property
    def max_body(self) -> int:
        """The largest body any source accepts, in bytes; the default limit where there is no source."""
        return max((entry.config.max_body for entry in self.sources.values()), default=SourceConfig().max_body)

    def payload_member(self, source: str) -> str | None:
        """Which member of the body the events of a source call ``data``; None for the whole body, or no such source."""
        entry = self.sources.get(source)
        return entry.connector.payload_member if entry else None
