"""The outcome index with ten million old ids: memory, look-ups and insertions, and what a take-over takes."""

import asyncio
import os
import resource
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.records import encode_outcome
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from hub.processors.catch_up import OutcomeReader
from hub.processors.outcome_index import OutcomeIndex
from schemas.identity import LIVE, DeliveryId, DeliveryKey
from schemas.outcome import Outcome, OutcomeState
from tests.bench.figures import Row
from tests.bench.stage import Stage

OLD = 10_000_000
PARTITIONS = 8
IN_LOG = 200_000  # outcomes that are read from the topic; more only takes proportionally longer
_BATCH = 500

ItemT = TypeVar("ItemT")


def run(stage: Stage) -> Iterator[Row]:
    folder = Path(mkdtemp(prefix="hub-bench-index-", dir=stage.folder))
    try:
        yield from _files(folder)
        yield from asyncio.run(_take_over(stage, folder / "log"))
    finally:
        shutil.rmtree(folder)


def _files(folder: Path) -> Iterator[Row]:
    before = _resident()
    indexes = [OutcomeIndex.open(folder / str(number)) for number in range(PARTITIONS)]
    for number, index in enumerate(indexes):
        index.begin_at(0)
        for start in range(0, OLD // PARTITIONS, 10_000):
            index.learn(_outcomes(f"old-{number}", start, 10_000))
        index.begin_at(OLD // PARTITIONS)
        index.checkpoint(datetime.now(UTC))()
    used = _resident() - before
    disk = sum(path.stat().st_blocks * 512 for path in folder.rglob("*.ids"))
    yield Row(
        f"outcome index, {OLD:,} ids in {PARTITIONS} partitions",
        f"{used:.0f} MB resident, {disk / 1e6:.0f} MB of files",
    )

    index = indexes[0]
    fresh = [_keys("new", start, _BATCH) for start in range(0, 50_000, _BATCH)]
    known = [_keys("old-0", start, _BATCH) for start in range(0, 50_000, _BATCH)]
    learned = [_outcomes("new", start, _BATCH) for start in range(0, 50_000, _BATCH)]
    figures = {
        "look-up of a new id": _microseconds(index.lookup, fresh),
        "of a known id": _microseconds(index.lookup, known),
        "insertion": _microseconds(index.learn, learned),
    }
    compared = _sqlite(folder / "ids.sqlite", OLD // PARTITIONS)
    yield Row(
        "outcome index, one event, batches of 500",
        "  ".join(f"{what} {value:.1f} µs" for what, value in figures.items()),
        "  ".join(f"{what} {value:.1f} µs" for what, value in compared.items()),
        "SQLite, WITHOUT ROWID, one table",
    )
    for each in indexes:
        each.close()
    began = time.perf_counter()
    again = [OutcomeIndex.open(folder / str(number)) for number in range(PARTITIONS)]
    seconds = time.perf_counter() - began
    assert all(index.lookup(_keys(f"old-{n}", 0, 10))[0] for n, index in enumerate(again))
    yield Row("outcome index, opening the snapshots", f"{seconds * 1000:.0f} ms for {PARTITIONS} partitions")
    for each in again:
        each.close()


async def _take_over(stage: Stage, folder: Path) -> list[Row]:
    topics = Topics("bench-index")
    await asyncio.to_thread(LogAdmin(stage.kafka, Layout(topics, LogConfig(partitions=1), ("out",))).ensure)
    topic = topics.outcomes("out")
    writer = LogWriter(
        stage.kafka, max_pending_records=50_000, max_pending_bytes=50_000_000, max_record_bytes=1_000_000
    )
    await writer.start()
    for start in range(0, IN_LOG, 10_000):
        await writer.append_all(topic, 0, [encode_outcome(each) for each in _outcomes("log", start, 10_000)])
    reader = OutcomeReader(stage.kafka, topic, lambda: datetime.now(UTC))

    async def timed(tail: int) -> float:
        if tail:
            await writer.append_all(topic, 0, [encode_outcome(each) for each in _outcomes("tail", 0, tail)])
        began = time.perf_counter()
        index = OutcomeIndex.open(folder)
        read = await reader.catch_up(index, 0)
        seconds = time.perf_counter() - began
        assert read == (tail or IN_LOG)
        index.checkpoint(datetime.now(UTC))()
        index.close()
        return seconds

    without = await timed(0)
    with_snapshot = await timed(5000)
    await reader.close()
    await writer.stop()
    return [
        Row(
            "take-over with a snapshot that is 5,000 outcomes old",
            f"{with_snapshot * 1000:.0f} ms",
            f"{without:.1f} s, {without / IN_LOG * 1e6:.1f} µs per outcome",
            f"without one: all {IN_LOG:,} are read",
        )
    ]


def _outcomes(prefix: str, start: int, count: int) -> list[Outcome]:
    now = datetime.now(UTC)
    return [_outcome(f"{prefix}-{number}", now) for number in range(start, start + count)]


def _keys(prefix: str, start: int, count: int) -> list[DeliveryKey]:
    return [DeliveryKey(outcome.delivery, outcome.run) for outcome in _outcomes(prefix, start, count)]


def _outcome(name: str, now: datetime) -> Outcome:
    return Outcome(
        delivery=DeliveryId(f"gemini/{name}~0123456789ab:to-warehouse:warehouse"),
        run=LIVE,
        route="to-warehouse",
        destination="warehouse",
        state=OutcomeState.DELIVERED,
        attempt=1,
        offset=7,
        received=now,
        started=now - timedelta(milliseconds=30),
        ended=now,
    )


def _microseconds(work: Callable[[list[ItemT]], object], batches: list[list[ItemT]]) -> float:
    began = time.perf_counter()
    for batch in batches:
        work(batch)
    return (time.perf_counter() - began) / sum(map(len, batches)) * 1e6


def _sqlite(path: Path, count: int) -> dict[str, float]:
    """The same ids, hashed in the same way, in the library everybody has."""
    database = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=wal", "synchronous=normal", "cache_size=-8000"):
        database.execute(f"pragma {pragma}")
    database.execute("create table ended (id blob primary key) without rowid")

    def insert(keys: list[DeliveryKey]) -> None:
        database.execute("begin")
        database.executemany("insert or ignore into ended values (?)", sorted((_hash(key),) for key in keys))
        database.execute("commit")

    def look_up(keys: list[DeliveryKey]) -> None:
        marks = ",".join("?" * len(keys))
        database.execute(f"select id from ended where id in ({marks})", [_hash(key) for key in keys]).fetchall()

    for start in range(0, count, 100_000):
        insert(_keys("old-0", start, 100_000))
    fresh = [_keys("new", start, _BATCH) for start in range(0, 20_000, _BATCH)]
    figures = {"look-up": _microseconds(look_up, fresh), "insertion": _microseconds(insert, fresh)}
    database.close()
    return figures


def _hash(key: DeliveryKey) -> bytes:
    return blake2b(f"{key.run}\0{key.id}".encode(), digest_size=16).digest()


def _resident() -> float:
    """MB this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        pages * os.sysconf("SC_PAGE_SIZE") / 1e6
        if Path("/proc/self/statm").exists()
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    )
