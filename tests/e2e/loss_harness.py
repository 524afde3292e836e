"""A topic, an app that consumes it with stock Faust or with the safe transport, and what became of the records."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from hub.log.connection import KafkaConnection
from hub.processors.app import make_app
from hub.processors.transport import batches
from hub.processors.window import Limits

RECORDS = 10
Handler = Callable[[int, int], Awaitable[None]]  # (offset, value)


class Scenario:
    """A topic with records, an app that consumes it, and what became of them."""

    def __init__(self, name: str, *, safe: bool, bootstrap: str) -> None:
        self.safe = safe
        self.bootstrap = bootstrap
        self.topic = f"loss-{name}-{uuid.uuid4().hex[:8]}"
        self.offsets: list[int] = []  # that are in the log and not aborted
        self.seen: list[int] = []
        self.done: set[int] = set()
        self.values: list[int] = []
        self.stop_seconds: float | None = None

    async def create(self, records: int = RECORDS, partitions: int = 1, config: dict[str, str] | None = None) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, partitions, 1, topic_configs=config)])
        await admin.close()
        await self.produce(range(records))

    async def produce(
        self, values: Any, key: Callable[[int], bytes | None] = lambda _: None, partitions: int = 1
    ) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        await producer.start()
        for value in values:
            sent = await producer.send_and_wait(
                self.topic, str(value).encode(), key=key(value), partition=value % partitions
            )
            self.offsets.append(sent.offset)
        await producer.stop()

    def app(self, *, drain: float = 2.0, **stock: Any) -> Any:
        """An app with the hub's settings, or the same with Faust's own transport."""
        app = make_app(
            self.topic, KafkaConnection(self.bootstrap), Limits(revoke=drain, stop=drain), session_timeout=2.0
        )
        app.conf.broker_commit_interval = 0.3
        if not self.safe:
            app.transport = None
            for name, value in stock.items():
                setattr(app.conf, name, value)
        return app

    def handle(self, app: Any, handler: Handler, *, concurrency: int = 1, gate: asyncio.Event | None = None) -> None:
        """Run ``handler`` for every record once ``gate`` is open; the record is acknowledged when it returns."""
        topic = app.topic(self.topic, value_type=bytes, value_serializer="raw")

        async def one(offset: int, value: bytes) -> None:
            self.seen.append(offset)
            self.values.append(int(value))
            await handler(offset, int(value))
            self.done.add(offset)

        async def safe(stream: Any) -> None:
            room = asyncio.Semaphore(concurrency)

            async def run(received: Any) -> None:
                try:
                    await one(received.offset, received.record.value)
                    app.consumer.ack(received)
                finally:
                    room.release()

            if gate:
                await gate.wait()
            async for batch in batches(stream, 5):
                for received in batch:
                    await room.acquire()
                    app.consumer.begin([received])
                    if concurrency == 1:
                        await run(received)
                    else:
                        asyncio.create_task(run(received))  # noqa: RUF006

        async def stock(stream: Any) -> None:
            async for event in stream.events():
                await one(event.message.offset, event.value)

        app.agent(topic, name=self.topic, concurrency=1 if self.safe else concurrency)(safe if self.safe else stock)
        app.finalize()

    async def committed(self) -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.topic)
        await consumer.start()
        offset = await consumer.committed(TopicPartition(self.topic, 0))
        await consumer.stop()
        return offset or 0

    async def commits_past(self, offset: int, deadline: float = 2.0) -> int:
        """What is committed once it is past ``offset``, or after seven commit intervals without that."""
        end = monotonic() + deadline
        while (committed := await self.committed()) <= offset and monotonic() < end:  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.1)
        return committed

    @property
    def unfinished(self) -> int:
        return min((offset for offset in self.offsets if offset not in self.done), default=self.offsets[-1] + 1)

    async def stop(self, app: Any, deadline: float = 8.0) -> None:
        started = monotonic()
        done, _ = await asyncio.wait({asyncio.ensure_future(app.stop())}, timeout=deadline)
        self.stop_seconds = monotonic() - started if done else None  # stock ignores being cancelled

    async def result(self) -> dict[str, Any]:
        return {
            "committed": await self.commits_past(self.unfinished),
            "unfinished": self.unfinished,
            "seen": self.seen,
            "values": self.values,
            "stop_seconds": self.stop_seconds,
        }


async def until(condition: Callable[[], bool], deadline: float = 8.0) -> None:
    end = monotonic() + deadline
    while not condition() and monotonic() < end:  # noqa: ASYNC110  (nobody tells)
        await asyncio.sleep(0.02)
