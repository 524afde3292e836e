"""An urgent event behind a backlog of a million: from its append to its arrival, beside no backlog at all."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hub.log.connection import KafkaConnection
from hub.log.records import partition_for
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from schemas.lane import Lane
from tests.bench.figures import Figures, Row, percentile
from tests.bench.noop_destination import install
from tests.bench.preload import PARTITIONS, delivery, event, fill_deliveries, make_topics
from tests.bench.stage import Child, Stage

_BACKLOG = 1_000_000
_URGENT = 200
_PAUSE = 0.02  # seconds between two
_DESTINATION = "out"
_CONFIGURATION = """
sources:
  gemini: {{type: gemini, secrets: ["{{secret}}"]}}
destinations:
  out: {{type: bench_noop, arrivals: "{arrivals}", isolate: false}}
routes:
  - {{id: to-out, to: out}}
"""


def run(stage: Stage) -> Iterator[Row]:
    install(stage.folder / "plugins")
    stage.environment["PYTHONPATH"] = str(stage.folder / "plugins")
    behind, left = _round(stage, "lanes-behind", _BACKLOG)
    alone, _ = _round(stage, "lanes-alone", 0)
    yield Row(
        f"a high-priority event behind a backlog of {_BACKLOG:,}",
        behind,
        alone,
        f"no backlog (after the last urgent event, {left:,} were still waiting)",
    )


def _round(stage: Stage, name: str, backlog: int) -> tuple[Figures, int]:
    """Latencies of the urgent events, and how much of the backlog was left when the last one had arrived."""
    arrivals = stage.folder / f"{name}.txt"
    config = str(stage.configuration(name, _CONFIGURATION.format(arrivals=arrivals)))
    topics = make_topics(stage.kafka, name, [_DESTINATION])
    asyncio.run(fill_deliveries(stage.kafka, topics, _DESTINATION, backlog))
    with stage.running("-m", "hub", "worker", "--config", config, "--only", _DESTINATION) as worker:
        asyncio.run(_send(stage.kafka, topics, [-1]))  # it is there when the worker is
        worker.until(lambda: len(_lines(arrivals)) > 0, "the first delivery")
        sent = asyncio.run(_send(stage.kafka, topics, range(_URGENT)))
        arrived = _urgent(arrivals, worker, len(sent))
        left = backlog - len(_lines(arrivals)) + len(sent)
    latencies = sorted((arrived[name] - at) / 1e6 for name, at in sent.items())
    return Figures(p50=percentile(latencies, 0.5), p99=percentile(latencies, 0.99)), left


async def _send(kafka: KafkaConnection, topics: Topics, numbers: "range | list[int]") -> dict[str, int]:
    """Append urgent deliveries one by one; event id → nanoseconds of the wall clock just before."""
    writer = LogWriter(kafka, max_pending_records=100, max_pending_bytes=10**7, max_record_bytes=10**6)
    await writer.start()
    sent: dict[str, int] = {}
    topic = topics.deliveries(_DESTINATION, Lane.HIGH)
    for number in numbers:
        one = replace(event(number % 1000), id=f"urgent-{number}")
        sent[one.id] = time.time_ns()
        await writer.append(topic, partition_for(one.partition_key, PARTITIONS), delivery(one, _DESTINATION, Lane.HIGH))
        await asyncio.sleep(_PAUSE)
    await writer.stop()
    return sent


def _urgent(arrivals: Path, worker: Child, count: int) -> dict[str, int]:
    found: dict[str, int] = {}

    def all_there() -> bool:
        for line in _lines(arrivals):
            name, _, nanoseconds = line.partition(" ")
            if name.startswith("urgent-") and name != "urgent--1":
                found[name] = int(nanoseconds)
        return len(found) == count

    worker.until(all_there, "the urgent events")
    return found


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
