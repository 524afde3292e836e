"""An outcome index is brought up to date from the log, and notices when it belongs to another one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.records import NewerFormatError, Record, encode_outcome
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from hub.processors.catch_up import OutcomeReader
from hub.processors.outcome_index import DEDUPE_WINDOW, OutcomeIndex
from schemas.identity import LIVE, DeliveryId, DeliveryKey
from schemas.outcome import Outcome, OutcomeState


def outcome(name: str) -> Outcome:
    now = datetime.now(UTC)
    return Outcome(DeliveryId(name), LIVE, "route", "out", OutcomeState.DELIVERED, 1, 0, now, now, now)


def known(index: OutcomeIndex, *names: str) -> list[bool]:
    return [found is not None for found in index.lookup([DeliveryKey(DeliveryId(name), LIVE) for name in names])]


class Log:
    """One partition of outcomes, its reader, and the index of whoever owns it."""

    def __init__(self, kafka: KafkaConnection, topics: Topics, folder: Path) -> None:
        self.topic = topics.outcomes("out")
        self.folder = folder
        self.writer = LogWriter(kafka, max_pending_records=1000, max_pending_bytes=10**7, max_record_bytes=10**6)
        self.now = datetime.now(UTC)
        self.reader = OutcomeReader(kafka, self.topic, lambda: self.now)

    async def write(self, *names: str) -> None:
        await self.writer.append_all(self.topic, 0, [encode_outcome(outcome(name)) for name in names])

    async def open(self) -> tuple[OutcomeIndex, int]:
        index = OutcomeIndex.open(self.folder)
        return index, await self.reader.catch_up(index, 0)

    def close(self, index: OutcomeIndex) -> None:
        index.checkpoint(self.now)()
        index.close()


@pytest.fixture
async def log(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> AsyncIterator[Log]:
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=1), ("out",))).ensure()
    made = Log(kafka, topics, tmp_path / "0")
    await made.writer.start()
    yield made
    await made.reader.close()
    await made.writer.stop()


async def test_a_worker_without_a_snapshot_reads_everything(log: Log) -> None:
    await log.write("a", "b", "c")
    index, read = await log.open()
    assert (read, index.position) == (3, 3)
    assert known(index, "a", "b", "c", "d") == [True, True, True, False]


async def test_a_worker_with_a_snapshot_reads_the_tail_alone(log: Log) -> None:
    await log.write("a", "b")
    index, _ = await log.open()
    log.close(index)
    await log.write("c")
    index, read = await log.open()
    assert read == 1
    assert known(index, "a", "b", "c") == [True, True, True]


async def test_an_empty_partition_is_caught_up_with_at_once(log: Log) -> None:
    index, read = await log.open()
    assert (read, index.position) == (0, 0)
    log.close(index)
    index, read = await log.open()
    assert (read, index.position) == (0, 0)


@pytest.mark.parametrize("position", [2, 3, 9])
async def test_a_snapshot_of_another_log_is_thrown_away(log: Log, position: int) -> None:
    """The topic was made anew, or its tail was lost: the same offsets hold other records."""
    await log.write("a", "b", "c")
    index = OutcomeIndex.open(log.folder)
    index.learn([outcome("of another log")])
    index.begin_at(position, b"another witness!")
    log.close(index)
    index, read = await log.open()
    assert (read, index.position) == (3, 3)
    assert known(index, "a", "of another log") == [True, False]


async def test_what_is_older_than_the_window_is_not_read(log: Log) -> None:
    await log.write("a", "b")
    log.now += DEDUPE_WINDOW + timedelta(hours=1)
    index, read = await log.open()
    assert (read, index.position) == (0, 2)


async def test_outcomes_of_somebody_else_are_found_by_catching_up(log: Log) -> None:
    index, _ = await log.open()
    await log.write("a stranger's")
    own = [encode_outcome(outcome(f"own {n}")) for n in range(1001)]
    offsets = await log.writer.append_all(log.topic, 0, own)
    index.appended(offsets, own)
    assert (index.position, index.behind) == (0, True)
    await log.reader.catch_up(index, 0)
    assert (index.position, index.behind) == (1002, False)
    assert known(index, "a stranger's", "own 7") == [True, True]


async def test_what_is_no_outcome_is_skipped_and_a_newer_one_is_not(log: Log) -> None:
    await log.writer.append_all(log.topic, 0, [Record(None, b"what is this", [])])
    await log.write("a")
    index, _ = await log.open()
    assert known(index, "a") == [True]
    await log.writer.append_all(log.topic, 0, [Record(None, b'{"format": 2}', [])])
    with pytest.raises(NewerFormatError):
        await log.reader.catch_up(index, 0)
