"""The object store on a real S3 server that fails, under workers that are killed at every step of writing a range.

Alone (``python -m tests.chaos.object_store_deaths``) it tries every fault with every step, and prints a table.
"""

import asyncio
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from hub.config.model import BatchConfig
from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from tests.chaos.hub_under_test import BATCH, HubUnderTest, stop
from tests.chaos.range_deaths import STEPS
from tests.fixtures.ports import broker_ports
from tests.fixtures.s3 import S3Server
from tests.fixtures.s3_faults import Fault, FaultyS3

DESTINATION = "archive"
EVENTS = 4000


@dataclass(frozen=True)
class Deaths:
    """``copies``: event id → in how many lines it is. ``died``: at which steps; ``puts``: how many arrived."""

    ids: Sequence[str]
    copies: Counter[str]
    died: Sequence[str]
    unfinished: Sequence[str]
    puts: int


def make_hub(kafka: KafkaConnection, name: str, home: Path, store: Mapping[str, Any]) -> HubUnderTest:
    batch = BatchConfig(max_records=BATCH, max_wait=timedelta(milliseconds=300))
    hub = HubUnderTest(kafka, name, home, {DESTINATION: ("object_store", 0.0)}, store=store, batch=batch)
    hub.make_topics()
    return hub


def copies(server: S3Server, bucket: str) -> Counter[str]:
    """Event id → in how many lines of the archive it is; the hub's own news left out."""
    lines = [orjson.loads(line) for data in server.objects(bucket).values() for line in data.splitlines()]
    return Counter(line["id"] for line in lines if line["source"] == "test")


async def die_at_every_step(
    kafka: KafkaConnection, name: str, home: Path, server: S3Server, faults: Sequence[Fault | None]
) -> Deaths:
    """A worker dies at each step, with the next of ``faults`` meanwhile; the last one finishes without."""
    bucket = await asyncio.to_thread(server.create_bucket)
    died = []
    async with FaultyS3(server.port) as faulty:
        options = {"endpoint": faulty.endpoint, "format": "jsonl", "path": "{subject}", "request_timeout": "1s"}
        hub = make_hub(kafka, name, home, server.options(bucket, **options))
        ids = await hub.produce([{"n": n} for n in range(EVENTS)])
        for turn, step in enumerate(STEPS):
            faulty.fault = faults[turn % len(faults)]
            # Every worker would cut the log into other ranges than the one before.
            size = (70, 5)[turn % 2] + turn
            worker = replace(hub, batch=BatchConfig(max_records=size, max_wait=timedelta(milliseconds=300)))
            with worker.workers() as start:
                code = await asyncio.to_thread(start(f"--die-{step}").wait, 90)
            assert code == -signal.SIGKILL, f"it did not die {step}\n{hub.logs()}"
            died.append(step)
        faulty.fault = None
        with hub.workers() as start:
            last = start()
            await hub.until_ended(DESTINATION, ids)
            assert await asyncio.to_thread(stop, last) == 0
        found = await asyncio.to_thread(copies, server, bucket)
        return Deaths(ids, found, died, server.unfinished(bucket), len(faulty.puts))


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder, "kafka"), ports=broker_ports()) as broker:
        kafka = broker.start()
        server = S3Server(Path(folder, "s3"))
        server.start()
        try:
            sys.stdout.write(f"steps: {', '.join(STEPS)}\n{EVENTS} events in each row\n")
            for number, fault in enumerate([None, *Fault]):
                home = Path(folder, str(number))
                home.mkdir()
                found = await die_at_every_step(kafka, f"deaths-{number}", home, server, [fault])
                counts = Counter(found.copies[each] for each in found.ids)
                told = ", ".join(f"{count} events {times}" for times, count in sorted(counts.items()))
                sys.stdout.write(
                    f"{fault or 'no fault':40} {len(found.died)} deaths, {found.puts:5} PUTs; in the archive: {told}; "
                    f"unfinished uploads: {len(found.unfinished)}\n"
                )
                sys.stdout.flush()
        finally:
            server.kill()


if __name__ == "__main__":
    asyncio.run(main())
