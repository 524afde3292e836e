"""What is missing in the log, of what a sender says has ended."""

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.api import (
    EndedJob,
    EventAttributes,
    Reconciler,
    Request,
    Source,
    SourceConfig,
    Verified,
)
from hub.config.model import SourceEntry, Where
from hub.log.records import Record, encode_event
from hub.reconciliation import Reconciliation
from hub.reconciliation.event import reconciled_event
from schemas.event import Event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY_BEFORE = NOON - timedelta(days=1)


class Jobs(Source[SourceConfig], Reconciler):
    """``jobs``: name → minutes before noon at which it ended, None where nobody knows."""

    name = "jobs"
    config_model = SourceConfig
    terminal_types = frozenset({"job.done"})
    schedule = None
    grace = timedelta(minutes=2)

    def __init__(self) -> None:
        self.jobs: dict[str, int | None] = {}

    async def ended(self, since: datetime, jobs: Sequence[str] = ()) -> AsyncIterator[EndedJob]:
        for name, minutes in self.jobs.items():
            at = None if minutes is None else NOON - timedelta(minutes=minutes)
            if at is None or at >= since or name in jobs:
                attributes = EventAttributes("job.done", f"reconciled:{name}", name, at, {"team": "search"})
                yield EndedJob(attributes, b'{"job":"%s"}' % name.encode(), at)

    async def verify(self, request: Request, now: datetime) -> Verified:
        raise AssertionError("never called")

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        raise AssertionError("never called")


class Log:
    """``asked``: since when it was read, each time."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.asked: list[datetime] = []

    def scan(self, topic: str, since: datetime) -> Iterator[Record]:
        assert topic == "hub.events"
        self.asked.append(since)
        yield Record(None, b"not the hub's", [])
        yield from map(encode_event, self.events)


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def reconciliation(jobs: Jobs, log: Log) -> Reconciliation:
    config = SourceConfig.model_validate({"metadata": {"name": "job"}})
    reader: Any = log
    return Reconciliation(SourceEntry("jobs", Jobs, config, Where("hub.yaml", 1)), jobs, reader, "hub.events", 4)


def webhook(subject: str, event_type: str = "job.done", source: str = "jobs") -> Event:
    return Event(source, f"msg_{subject}", event_type, NOON, "d" * 64, b"{}", subject=subject)


async def test_only_ends_without_an_event_are_missing_whichever_source_the_event_came_through(
    jobs: Jobs, log: Log, reconciliation: Reconciliation
) -> None:
    jobs.jobs = {"told": 60, "told-elsewhere": 60, "begun": 60, "lost": 60}
    log.events = [webhook("told"), webhook("told-elsewhere", source="other"), webhook("begun", "job.begun")]
    found = await reconciliation.look(DAY_BEFORE, NOON)
    assert (found.ended, [event.subject for event in found.events]) == (4, ["begun", "lost"])


async def test_a_webhook_that_may_still_come_is_waited_for(jobs: Jobs, reconciliation: Reconciliation) -> None:
    jobs.jobs = {"just-now": 1, "before": 3}
    found = await reconciliation.look(DAY_BEFORE, NOON)
    assert (found.waiting, [event.subject for event in found.events]) == (1, ["before"])
    later = await reconciliation.look(DAY_BEFORE, NOON + timedelta(minutes=5))
    assert [event.subject for event in later.events] == ["just-now", "before"]


async def test_the_log_is_read_from_the_first_end_that_is_not_known_and_not_at_all_without_one(
    jobs: Jobs, log: Log, reconciliation: Reconciliation
) -> None:
    await reconciliation.look(DAY_BEFORE, NOON)
    assert log.asked == []
    jobs.jobs = {"a": 60, "b": 30}
    log.events = [webhook("a"), webhook("b")]
    await reconciliation.look(DAY_BEFORE, NOON)
    await reconciliation.look(DAY_BEFORE, NOON)
    assert log.asked == [NOON - timedelta(minutes=70)]
    jobs.jobs["c"] = None
    await reconciliation.look(DAY_BEFORE, NOON)
    assert log.asked[1:] == [DAY_BEFORE - timedelta(minutes=10)]


async def test_the_same_job_gives_the_same_event_with_the_metadata_that_its_webhook_would_have(
    jobs: Jobs, reconciliation: Reconciliation
) -> None:
    jobs.jobs = {"a": 60}
    [first] = (await reconciliation.look(DAY_BEFORE, NOON)).events
    [again] = (await reconciliation.look(DAY_BEFORE, NOON + timedelta(hours=1))).events
    assert (first.id, first.digest, first.partition_key) == (again.id, again.digest, "a")
    assert first.metadata == {"team": "search", "name": "a"}
    assert first.verified == {"scheme": "reconciled"}
    assert first.received == NOON


def test_an_id_that_is_too_long_for_the_log_is_replaced_by_its_digest() -> None:
    job = EndedJob(EventAttributes("job.done", "i" * 2000, "s" * 2000), b"{}")
    event = reconciled_event(job, "jobs", {}, NOON)
    assert event.id.startswith("sha256:")
    assert event.subject is not None
    assert event.subject.startswith("sha256:")
