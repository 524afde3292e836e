"""``hub.yaml`` as typed values. ``hub.config.load`` makes them; everything else reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field

from connectors.api import ConfigModel, Destination, DestinationConfig, Duration, Options, Size, Source, SourceConfig
from hub.rules import Pattern


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in the configuration, shown as ``hub.yaml:14``; line 0 is the file as a whole."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


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


class RetryConfig(ConfigModel):
    """When to try a failed delivery again, and when to give up."""

    max_attempts: int = Field(8, ge=1, le=1000, description="Tries before a dead letter, the first included.")
    max_age: Duration = Field(timedelta(hours=24), description="Give up this long after the first try.")
    backoff: Duration = Field(timedelta(seconds=1), description="Pause after the first failure; doubles each time.")
    max_backoff: Duration = Field(timedelta(minutes=5), description="Longest pause between two tries.")


class BatchConfig(ConfigModel):
    """How many deliveries one call to a batch destination takes."""

    max_records: int = Field(500, ge=1, le=100_000, description="Deliveries in one call at most.")
    max_bytes: Size = Field(8_000_000, gt=0, description="Bytes of bodies in one call at most.")


class DeliverySettings(ConfigModel):
    """What every destination understands beside the connector's own options."""

    timeout: Duration = Field(timedelta(seconds=30), description="Longest time for one call to the connector.")
    concurrency: int = Field(8, ge=1, le=1000, description="Calls at once, for connectors that take one at a time.")
    batch: BatchConfig = Field(BatchConfig(), description="Size of one call, for connectors that take many.")
    retry: RetryConfig = Field(RetryConfig(), description="When to try again.")
    isolate: bool | None = Field(
        None, description="A worker process of its own. Default: yes for plugins, no for built-in connectors."
    )


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One of ``sources:``. ``connector(config, context)`` makes the instance."""

    name: str
    connector: type[Source[Any]]
    config: SourceConfig
    where: Where


@dataclass(frozen=True, slots=True)
class DestinationEntry:
    """One of ``destinations:``. ``isolated`` says whether it gets a worker process of its own."""

    name: str
    connector: type[Destination[Any, Any]]
    config: DestinationConfig
    settings: DeliverySettings
    isolated: bool
    where: Where


@dataclass(frozen=True, slots=True)
class Target:
    """One destination of a route, with the route's ``with`` values and ``retry`` merged over the destination's."""

    destination: str
    options: Options
    retry: RetryConfig


@dataclass(frozen=True, slots=True)
class Route:
    """One of ``routes:``. ``when`` None matches every event. ``to`` is in the order written."""

    id: str
    when: Pattern | None
    to: tuple[Target, ...]
    where: Where
    enabled: bool = True
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RoutingTest:
    """One of ``tests:``. ``event`` is a document as patterns see it; ``expect`` the ids of the routes that match."""

    name: str
    event: Mapping[str, Any]
    expect: tuple[str, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Finding:
    """What is probably a mistake, though the hub can run with it. ``code`` is stable: ``unknown-source``."""

    where: Where
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.code}]"


@dataclass(frozen=True, slots=True)
class Configuration:
    """A whole, valid ``hub.yaml``. ``revision`` is 12 hex digits of the SHA-256 of its text, variables unexpanded."""

    name: str
    log: LogConfig
    sources: Mapping[str, SourceEntry]
    destinations: Mapping[str, DestinationEntry]
    routes: tuple[Route, ...]
    tests: tuple[RoutingTest, ...]
    revision: str
    findings: tuple[Finding, ...] = ()

    @property
    def max_body(self) -> int:
        """The largest body any source accepts, in bytes; the default limit where there is no source."""
        return max((entry.config.max_body for entry in self.sources.values()), default=SourceConfig().max_body)

    def payload_member(self, source: str) -> str | None:
        """Which member of the body the events of a source call ``data``; None for the whole body, or no such source."""
        entry = self.sources.get(source)
        return entry.connector.payload_member if entry else None
