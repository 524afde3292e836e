"""``hub.config``: one ordered log of the revisions that were put into force. Whoever appends says what came before.

Kafka has no compare-and-set; a transaction of one fixed transactional id is one. Beginning it fences everybody else
who is in the middle of appending, and waits until what they have committed can be read. Then the log is read to its
end, and if its last revision is not the expected one, nothing is written. Between reading and committing nobody else
gets in: they would have to fence us first, and then our commit fails.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import InvalidProducerEpoch, KafkaError, ProducerFenced, TransactionalIdAuthorizationFailed

from hub.log.admin_client import KafkaUnavailableError, LogAdminError, admin_client
from hub.log.connection import KafkaConnection
from hub.log.mending import guarded_consumer, mend
from hub.log.records import MalformedRecordError, decode_revision, encode_revision
from hub.log.topic_making import replicas_of
from hub.log.topics import HEADROOM, Topics
from schemas.revision import AppliedRevision

PARTITION = 0
"""Of the topic: one order. The others stay empty; all topics of the hub have the same number."""

_SEEN = 0.02  # seconds

_OVERHEAD = 1000  # bytes of a record and its batch beside its value


class RevisionConflictError(Exception):
    """Somebody else put another revision into force first; nothing was written. ``head`` is theirs."""

    def __init__(self, head: AppliedRevision | None) -> None:
        who = f"revision {head.revision}, applied by {head.by}" if head else "no revision"
        super().__init__(f"somebody else was faster: in force is {who}")
        self.head = head


class RevisionTooLargeError(ValueError):
    """The texts do not fit into a record, compressed as they are. Nothing was written."""


class RevisionLog:
    """For one event loop. ``seconds`` bounds each call.

    Every method raises KafkaUnavailableError (an OSError) when Kafka does not answer in time, LogAdminError when it
    refuses, and NewerFormatError.
    """

    def __init__(self, connection: KafkaConnection, topics: Topics, seconds: float = 15.0) -> None:
        self._connection = connection
        self._topics = topics
        self._seconds = seconds

    async def history(self) -> list[AppliedRevision]:
        """Every revision that was put into force, the newest last. The topic must exist."""
        async with self._answering():
            return await self._history()

    async def history_if_any(self) -> list[AppliedRevision]:
        """As `history`; none also where there is no topic yet."""
        return await self.history() if await asyncio.to_thread(self._exists) else []

    def _exists(self) -> bool:
        with admin_client(self._connection, self._seconds) as client:
            return bool(replicas_of(client, [self._topics.config]))

    async def append(self, change: AppliedRevision, max_record_bytes: int) -> None:
        """Put a revision into force, if ``change.previous`` is still the last one (None: there is none). Whoever reads
        afterwards sees it.

        Raises:
            RevisionConflictError, RevisionTooLargeError: nothing was written.
        """
        record = encode_revision(change)
        size = len(record.value or b"") + _OVERHEAD
        if size > max_record_bytes:
            raise RevisionTooLargeError(
                f"the configuration takes {size:,} bytes when compressed, and {max_record_bytes:,} fit into a record; "
                f"a source with a max_body of {size - HEADROOM:,} makes room for it, or split the hub in two"
            )
        async with self._answering(), self._producer() as producer:
            try:
                await producer.begin_transaction()  # from here on, whoever began before us cannot commit
                self._expect(change.previous, await self._history())
                await producer.send_and_wait(
                    self._topics.config, record.value, record.key, PARTITION, headers=record.headers
                )
                await producer.commit_transaction()
            except (ProducerFenced, InvalidProducerEpoch):
                _silence(producer)
                history = await self._history()
                if history and history[-1] == change:  # committed, and then fenced
                    return
                raise RevisionConflictError(history[-1] if history else None) from None
            while change not in await self._history():  # noqa: ASYNC110  (Kafka answers a moment before others see it)
                await asyncio.sleep(_SEEN)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._seconds):
                yield
        except KafkaUnavailableError:
            raise
        except TransactionalIdAuthorizationFailed as error:
            raise LogAdminError(
                f"Kafka at {self._connection.bootstrap} does not let the hub use the transactional id "
                f"{self._transactional_id}; let an administrator give it the rights that `hub topics --commands` prints"
            ) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise KafkaUnavailableError(self._connection, error) from error

    @property
    def _transactional_id(self) -> str:
        return self._topics.config

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **self._connection.aiokafka(),
            transactional_id=self._transactional_id,
            transaction_timeout_ms=int(self._seconds * 1000),
            max_request_size=64_000_000,
            request_timeout_ms=int(self._seconds * 1000),
        )
        mend(producer.client, self._connection.cluster_id)
        try:
            await producer.start()
            yield producer
        finally:
            with suppress(KafkaError, OSError, TimeoutError):
                await producer.stop()

    def _expect(self, previous: str | None, history: Sequence[AppliedRevision]) -> None:
        head = history[-1] if history else None
        if (head.revision if head else None) != previous:
            raise RevisionConflictError(head)

    async def _history(self) -> list[AppliedRevision]:
        partition = TopicPartition(self._topics.config, PARTITION)
        consumer = guarded_consumer(self._connection, auto_offset_reset="none")
        try:
            await consumer.start()
            consumer.assign([partition])
            return [found async for found in read_to_end(consumer, partition)]
        finally:
            await consumer.stop()


def _silence(producer: AIOKafkaProducer) -> None:
    """A producer that was fenced leaves failures behind that nobody awaits; asyncio would log each as forgotten."""
    batches = producer._message_accumulator  # noqa: SLF001  (pinned; there is no other way to them)
    failed = [*batches._pending_batches, *(one for each in batches._batches.values() for one in each)]  # noqa: SLF001
    waiters = [waiter for one in failed for waiter in (one.future, one._drain_waiter)]  # noqa: SLF001
    for waiter in (producer._txn_manager._transaction_waiter, *waiters):  # noqa: SLF001
        if waiter.done() and not waiter.cancelled():
            waiter.exception()


async def read_to_end(consumer: AIOKafkaConsumer, partition: TopicPartition) -> AsyncIterator[AppliedRevision]:
    """Every revision up to the end that the partition has now. The consumer, which reads what is committed, is then
    behind it.
    """
    end = (await consumer.end_offsets([partition]))[partition]
    consumer.seek(partition, (await consumer.beginning_offsets([partition]))[partition])
    while await consumer.position(partition) < end:
        for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, []):
            found = revision_in(record)
            if found is not None:
                yield found


def revision_in(record: "ConsumerRecord[Any, bytes]") -> AppliedRevision | None:
    """None: it is no hub's, and counts for nothing."""
    try:
        return decode_revision(record.value)
    except MalformedRecordError:
        return None


def retired(history: Sequence[AppliedRevision], destinations: Sequence[str]) -> dict[str, str]:
    """Destination → the last revision that had it, for those that ``destinations`` has no more."""
    last = {name: one.revision for one in history for name in one.destinations}
    return {name: revision for name, revision in last.items() if name not in destinations}
