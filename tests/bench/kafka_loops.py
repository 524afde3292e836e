"""The loops the processors are compared with: plain aiokafka, the same records in and out, nothing else.

They do what any correct program would have to: batches of its own per partition, idempotent with ``acks=all``, every
write acknowledged before the offset is committed. They decode, match and decide nothing.

``python -m tests.bench.kafka_loops --bootstrap B --hub NAME --destination D … [--route] [--deliver] [--arrivals FILE]``
"""

import argparse
import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from hub.log.record import Record
from hub.log.topics import Topics

BATCH_BYTES = 1_000_000
_LEDGER_HEADERS = [("ce_hubformat", b"1"), ("content-type", b"application/json")]
_REVISION = b"0123456789ab"

Consumed: TypeAlias = "ConsumerRecord[bytes, bytes]"
Arrived = Callable[[Consumed], None]


class Batches:
    """Records waiting to be sent, one batch per topic and partition."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batches: dict[tuple[str, int], Any] = {}
        self._sent: list[Any] = []

    async def append(self, topic: str, partition: int, record: Record) -> None:
        key, value, headers, timestamp = record
        batch = self._batches.get((topic, partition))
        if batch is None:
            batch = self._batches[topic, partition] = self._producer.create_batch()
        if batch.append(key=key, value=value, headers=headers, timestamp=timestamp) is None:  # full
            self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))
            del self._batches[topic, partition]
            await self.append(topic, partition, record)

    async def acknowledged(self) -> None:
        """Send what waits, and wait until everything is acknowledged."""
        for (topic, partition), batch in self._batches.items():
            self._sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        self._batches.clear()
        await asyncio.gather(*self._sent)
        self._sent.clear()


def make_producer(bootstrap: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES, linger_ms=0
    )


async def route(bootstrap: str, topics: Topics, destinations: Sequence[str]) -> None:
    """One delivery per destination and one decision for every event."""
    names = [(topics.deliveries(name), name) for name in destinations]

    async def forward(batches: Batches, partition: int, record: Consumed) -> None:
        headers = dict(record.headers)
        identity = headers["ce_source"] + b"/" + headers["ce_id"] + b"~" + headers["ce_hubdigest"][:12]
        deliveries = []
        for topic, name in names:
            delivery = identity + b":to-" + name.encode() + b":" + name.encode()
            ours = [
                *record.headers,
                ("ce_hubdelivery", delivery),
                ("ce_hubroute", b"to-" + name.encode()),
                ("ce_hubdestination", name.encode()),
                ("ce_hubrevision", _REVISION),
                ("ce_hublane", b"normal"),
            ]
            await batches.append(topic, partition, Record(record.key, record.value, ours))
            deliveries.append({"route": f"to-{name}", "destination": name, "delivery": delivery.decode()})
        decision = {
            "format": 1,
            "source": headers["ce_source"].decode(),
            "id": headers["ce_id"].decode(),
            "digest": headers["ce_hubdigest"].decode(),
            "offset": record.offset,
            "revision": _REVISION.decode(),
            "decided": "2026-01-02T03:04:05.123456Z",
            "deliveries": deliveries,
        }
        value = Record(record.key, orjson.dumps(decision), _LEDGER_HEADERS)
        await batches.append(topics.decisions, partition, value)

    await consume(bootstrap, topics.events, f"{topics.route_group}.raw", forward)


async def deliver(bootstrap: str, topics: Topics, destination: str, arrived: Arrived) -> None:
    """Tell of each delivery, and write its outcome."""

    async def conclude(batches: Batches, partition: int, record: Consumed) -> None:
        arrived(record)
        outcome = {
            "format": 1,
            "delivery": dict(record.headers)["ce_hubdelivery"].decode(),
            "run": "",
            "route": f"to-{destination}",
            "destination": destination,
            "state": "delivered",
            "attempt": 1,
            "offset": record.offset,
            "received": "2026-01-02T03:04:05.123456Z",
            "started": "2026-01-02T03:04:05.123456Z",
            "ended": "2026-01-02T03:04:05.123456Z",
            "error": None,
            "lane": "normal",
        }
        value = Record(record.key, orjson.dumps(outcome), _LEDGER_HEADERS)
        await batches.append(topics.outcomes(destination), partition, value)

    await consume(bootstrap, topics.deliveries(destination), f"{topics.deliver_group(destination)}.raw", conclude)


async def consume(bootstrap: str, topic: str, group: str, handle: Callable[[Batches, int, Consumed], Any]) -> None:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=BATCH_BYTES,
    )
    async with make_producer(bootstrap) as producer, consumer:
        batches = Batches(producer)
        while True:
            records = await consumer.getmany(timeout_ms=1000, max_records=2000)
            for partition, found in records.items():
                for record in found:
                    await handle(batches, partition.partition, record)
            await batches.acknowledged()
            if records:
                await consumer.commit()


def note_arrivals(path: str | None) -> Arrived:
    """A line per delivery: event id and nanoseconds of the wall clock."""
    if path is None:
        return lambda _: None
    file = open(path, "w", buffering=1)  # noqa: PTH123, SIM115  (open as long as the process)
    return lambda record: print(dict(record.headers)["ce_id"].decode(), time.time_ns(), file=file)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--hub", required=True)
    parser.add_argument("--destination", action="append", required=True)
    parser.add_argument("--route", action="store_true")
    parser.add_argument("--deliver", action="store_true")
    parser.add_argument("--arrivals")
    given = parser.parse_args()
    topics = Topics(given.hub)
    arrived = note_arrivals(given.arrivals)
    async with asyncio.TaskGroup() as loops:
        if given.route:
            loops.create_task(route(given.bootstrap, topics, given.destination))
        if given.deliver:
            for name in given.destination:
                loops.create_task(deliver(given.bootstrap, topics, name, arrived))


if __name__ == "__main__":
    asyncio.run(main())
