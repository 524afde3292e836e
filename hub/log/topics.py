"""The names of the hub's topics, and the table of what each is made like and is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from schemas.lane import Lane
from schemas.quantities import write_duration

HEADROOM = 256_000
"""Bytes a record may take beside its body, everywhere: every header at its budget fits four times."""

LEDGER_RETENTION = timedelta(days=90)
REPORTS_RETENTION = timedelta(days=1)
FOREVER = "-1"


class LogSettings(Protocol):
    """What decides how topics are made: ``log:`` of ``hub.yaml`` (`hub.config.model.LogConfig`)."""

    @property
    def partitions(self) -> int: ...
    @property
    def replication(self) -> int: ...
    @property
    def retention(self) -> timedelta: ...
    @property
    def durability(self) -> str: ...
    @property
    def manage_topics(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Topics:
    """Topic, group and client names of one hub; two hubs with different names share nothing on a cluster."""

    hub: str = "hub"

    @property
    def events(self) -> str:
        return f"{self.hub}.events"

    @property
    def decisions(self) -> str:
        return f"{self.hub}.decisions"

    @property
    def dead_letters(self) -> str:
        return f"{self.hub}.dead-letters"

    @property
    def config(self) -> str:
        return f"{self.hub}.config"

    @property
    def controls(self) -> str:
        return f"{self.hub}.controls"

    @property
    def reports(self) -> str:
        return f"{self.hub}.reports"

    def deliveries(self, destination: str, lane: Lane = Lane.NORMAL) -> str:
        name = f"{self.hub}.deliveries.{destination}"
        return name if lane is Lane.NORMAL else f"{name}.{lane}"  # no name has a dot in it

    def retries(self, delay: timedelta) -> str:
        return f"{self.hub}.retries.{write_duration(delay)}"

    def outcomes(self, destination: str) -> str:
        return f"{self.hub}.outcomes.{destination}"

    def group(self, processor: str) -> str:
        """The consumer group (and client id) of one processor, such as ``route`` or ``deliver.warehouse``."""
        return f"{self.hub}.{processor}"

    @property
    def route_group(self) -> str:
        return self.group("route")

    @property
    def delay_group(self) -> str:
        return self.group("delay")

    @property
    def status_group(self) -> str:
        return self.group("status")

    def deliver_group(self, destination: str) -> str:
        return self.group(f"deliver.{destination}")


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How one topic is made. ``group`` is the consumer group that works it off; None where nobody must."""

    name: str
    meaning: str
    partitions: int
    replication: int
    configs: Mapping[str, str]
    group: str | None = None


def max_record_bytes(max_body: int) -> int:
    """``max.message.bytes`` of every topic, for the largest ``max_body`` of any source."""
    return max_body + HEADROOM


@dataclass(frozen=True, slots=True)
class Layout:
    """What decides which topics a hub has and how they are made.

    ``delays`` are those of the retry tiers; ``max_body`` is the largest of any source, in bytes.
    """

    topics: Topics
    settings: LogSettings
    destinations: tuple[str, ...] = ()
    delays: tuple[timedelta, ...] = ()
    max_body: int = 1_000_000


def topic_specs(layout: Layout) -> tuple[TopicSpec, ...]:
    """Every topic of a hub, in the order of the data's path."""
    topics, settings = layout.topics, layout.settings
    common = {
        "cleanup.policy": "delete",
        "retention.bytes": FOREVER,  # a cluster's default may be a limit
        # The broker stores what it gets as it is, and unpacks what others may have compressed: every client reads it.
        "compression.type": "uncompressed",
        "max.message.bytes": str(max_record_bytes(layout.max_body)),
        "min.insync.replicas": "2" if settings.replication >= 3 else "1",
        "flush.messages": "1" if settings.durability == "fsync" else str(2**63 - 1),
    }
    events = {**common, "retention.ms": _milliseconds(settings.retention), "message.timestamp.type": "CreateTime"}
    ledger = {**common, "retention.ms": _milliseconds(LEDGER_RETENTION), "message.timestamp.type": "LogAppendTime"}
    work = {**common, "retention.ms": FOREVER, "message.timestamp.type": "LogAppendTime"}
    controls = {**work, "cleanup.policy": "compact"}
    a_day = _milliseconds(REPORTS_RETENTION)
    # Written every few seconds; the segment that is written is neither compacted nor deleted, by default for a week.
    reports = {**work, "cleanup.policy": "compact,delete", "retention.ms": a_day, "segment.ms": a_day}

    def spec(name: str, meaning: str, configs: Mapping[str, str], group: str | None = None) -> TopicSpec:
        return TopicSpec(name, meaning, settings.partitions, settings.replication, configs, group)

    names = sorted(layout.destinations)
    return (
        spec(topics.events, "what was received: the truth, and the only one to build on", events, topics.route_group),
        spec(topics.decisions, "which routes matched each event", ledger),
        *(
            spec(topics.deliveries(name, lane), f"work of {name}, {lane} lane", work, topics.deliver_group(name))
            for name in names
            for lane in Lane
        ),
        *(spec(topics.outcomes(n), f"how each attempt at {n} ended", ledger) for n in names),
        *(
            spec(topics.retries(delay), f"waits {write_duration(delay)} for another try", work, topics.delay_group)
            for delay in layout.delays
        ),
        spec(topics.dead_letters, "deliveries that were given up, with the reason", ledger),
        spec(topics.config, "revisions of hub.yaml that were applied", work),
        spec(topics.controls, "which destinations are paused, and by whom; the last record of a key counts", controls),
        spec(topics.reports, "what each worker says of its destinations; the last record of a key counts", reports),
    )


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))
