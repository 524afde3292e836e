"""Faults of what is sent: clocks that are off, duplicates, ids used again, and garbage written around the ingress."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub.log.connection import KafkaConnection
from tests.chaos.arena import Arena
from tests.chaos.configuration import PARTITIONS, is_ledger, is_work
from tests.chaos.events import make_event
from tests.chaos.schedule import Fault
from tests.chaos.whole_hub import PATIENCE

WITHIN, BEYOND = 240.0, 900.0  # seconds; the tolerance of the source is 300
_DUPLICATES, _COPIES, _REUSED, _LATE = 100, 3, 20, 5


@asynccontextmanager
async def skewed_sender(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    """The sender's clock is off as far as is tolerated; a few requests are off by more."""
    direction = 1 if fault.number % 2 else -1
    arena.sender.skew = direction * WITHIN
    try:
        for _ in range(_LATE):
            event = make_event(arena.special_number(), name="late")
            arena.too_late.append(event)
            await arena.sender.post(event, skew=direction * BEYOND)
        yield
    finally:
        arena.sender.skew = 0.0


@asynccontextmanager
async def flood(arena: Arena, _: Fault) -> AsyncIterator[None]:
    """What was accepted last is sent again, several times, byte for byte."""
    again = [one.event for one in arena.sender.accepted[-_DUPLICATES:]] * _COPIES
    await asyncio.gather(*(arena.sender.attempt(event) for event in again))
    yield


@asynccontextmanager
async def reused_ids(arena: Arena, _: Fault) -> AsyncIterator[None]:
    """Ids that were accepted come again with other bodies."""
    used = [one.event for one in arena.sender.accepted[-_REUSED:]]
    await asyncio.gather(*(arena.sender.post(make_event(arena.special_number(), reuses=event)) for event in used))
    yield


@asynccontextmanager
async def garbage(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    """Records that no hub wrote, in every topic that one reads."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            await _write(arena, arena.hub.kafka, f"garbage {fault.number}")
        except (KafkaError, AssertionError):  # the broker is away
            assert time.monotonic() < deadline, f"the broker does not come back\n{arena.hub.last_words()}"
            await asyncio.sleep(0.5)
        else:
            break
    yield


async def _write(arena: Arena, kafka: KafkaConnection, name: str) -> None:
    producer = AIOKafkaProducer(**kafka.aiokafka(), acks="all", request_timeout_ms=5000)
    await producer.start()
    try:
        for topic in sorted((await producer.client.fetch_all_metadata()).topics()):
            if not (is_work(topic) or is_ledger(topic)):
                continue
            for partition in range(PARTITIONS):
                value = f"{name} {topic} {partition}".encode()
                await producer.send_and_wait(topic, value, key=b"garbage", partition=partition)
                if is_work(topic):
                    arena.garbage.append(value)
    finally:
        await producer.stop()
