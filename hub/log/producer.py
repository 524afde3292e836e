"""One idempotent aiokafka producer at a time, replaced when it breaks, so that writing heals by itself."""

import asyncio
import logging
import time
from contextlib import suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from hub.log.connection import KafkaConnection
from hub.log.mending import mend

log = logging.getLogger(__name__)

PROBE_SECONDS = 2.0
BACKOFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
GRACE_SECONDS = 1.0
"""How long a producer that is being replaced may still finish other partitions' batches."""


class HealingProducer:
    """Connects, watches and replaces the producer in a task of its own, from `start` to `stop`.

    After a batch failed, an idempotent producer cannot go on: the broker misses its sequence numbers and refuses all
    that follows; and a batch that was given up would still be written by its endless retries, after later ones.
    """

    def __init__(self, connection: KafkaConnection, *, max_batch_bytes: int, timeout: float) -> None:
        self._timeout = timeout
        self._arguments = {
            **connection.aiokafka(),
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": max_batch_bytes,
            "request_timeout_ms": int(timeout * 1000),
        }
        self._where = connection.bootstrap
        self._cluster_id = connection.cluster_id
        self._producer: AIOKafkaProducer | None = None
        self._reachable = False
        self._ready = asyncio.Event()
        self._broken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._disposing = False
        self._stopping = False

    @property
    def healthy(self) -> bool:
        """Kafka answered within the last seconds."""
        return self._producer is not None and self._reachable

    async def start(self) -> None:
        """Returns when connected, or after the timeout without: connecting then goes on, and `healthy` says so."""
        self._task = asyncio.create_task(self._keep(), name="log producer")
        with suppress(TimeoutError):
            await self.current(self._timeout)

    async def stop(self) -> None:
        """Ends within a few times GRACE_SECONDS."""
        self._stopping = True
        if self._task is not None and not self._task.done():
            if not self._disposing:  # which ends by itself, and is not to be interrupted
                self._task.cancel()
            await asyncio.wait([self._task], timeout=5 * GRACE_SECONDS)

    async def current(self, patience: float) -> AIOKafkaProducer:
        """The producer to use now.

        Raises:
            TimeoutError: there is none after ``patience`` seconds.
        """
        if self._producer is None:
            async with asyncio.timeout(patience):
                while self._producer is None:
                    await self._ready.wait()
        return self._producer

    def replace(self, producer: AIOKafkaProducer, reason: BaseException) -> None:
        """Ask for another one. Says nothing new where this one is already gone."""
        if producer is self._producer:
            log.warning("replacing the producer after a failed write", extra={"error": repr(reason)})
            self._withdraw()
            self._broken.set()

    async def _keep(self) -> None:
        # Not `while True`: aiokafka swallows a cancellation that comes while it closes a client.
        while not self._stopping:
            producer = await self._connect()
            try:
                await self._watch(producer)
            finally:
                self._withdraw()
                await self._dispose(producer)

    async def _connect(self) -> AIOKafkaProducer:
        attempt = 0
        while True:
            producer = AIOKafkaProducer(**self._arguments)
            mend(producer.client, self._cluster_id)
            connected = False
            try:
                async with asyncio.timeout(self._timeout):
                    await producer.start()
                connected = True
            except (KafkaError, OSError, TimeoutError) as error:
                if attempt % 30 == 0:
                    log.warning("cannot reach Kafka, trying again", extra={"kafka": self._where, "error": repr(error)})
            finally:
                if not connected:
                    await self._dispose(producer)
            if connected:
                self._broken.clear()
                self._producer, self._reachable = producer, True
                self._ready.set()
                return producer
            if self._stopping:
                raise asyncio.CancelledError
            await asyncio.sleep(BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)])
            attempt += 1

    async def _watch(self, producer: AIOKafkaProducer) -> None:
        """Returns when the producer is broken, or Kafka was away so long that its addresses may have changed."""
        answered = time.monotonic()
        while time.monotonic() - answered < 2 * self._timeout:
            with suppress(TimeoutError):
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._broken.wait()
                return
            self._reachable = await self._probe(producer)
            if self._reachable:
                answered = time.monotonic()

    async def _probe(self, producer: AIOKafkaProducer) -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                return bool(await producer.client.force_metadata_update())
        except (KafkaError, OSError, TimeoutError):
            return False

    async def _dispose(self, producer: AIOKafkaProducer) -> None:
        self._disposing = True
        try:
            await _dispose(producer)
        finally:
            self._disposing = False

    def _withdraw(self) -> None:
        self._producer, self._reachable = None, False
        self._ready.clear()


async def _dispose(producer: AIOKafkaProducer) -> None:
    """Stop for good: nothing of this producer may be written after its successor's first batch.

    ``AIOKafkaProducer.stop`` flushes, which without a broker never ends; what it does after that is done by hand.
    """
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await producer.stop()
    sender = producer._sender.sender_task  # noqa: SLF001 - the pinned aiokafka has no public way to stop without a flush
    if sender is None or sender.done():
        await producer.client.close()
        return
    sender.cancel()
    await producer.client.close()
    gone = KafkaError("the producer was replaced")
    producer._message_accumulator.fail_all(gone)  # noqa: SLF001 - else whoever waits for a batch waits for the timeout
    await asyncio.wait([sender], timeout=GRACE_SECONDS)
    sender.cancel()  # the first one may be waiting for a request that will never be answered
    await asyncio.wait([sender], timeout=GRACE_SECONDS)
