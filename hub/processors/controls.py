"""Which destinations are paused, as ``hub.controls`` says: read whole before anything is delivered, then followed."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from hub.log.connection import KafkaConnection
from hub.log.control_table import ControlTable
from hub.log.mending import guarded_consumer
from hub.log.records import MalformedRecordError
from hub.log.topics import Topics
from schemas.control import Control

_log = logging.getLogger(__name__)

_PAUSE = 1.0  # seconds between tries while the broker is away
_POLL_MS = 1000
_QUIET_MS = 10_000

Listener = Callable[[str], None]


class Controls:
    """For one event loop. ``start`` it before anything is delivered, ``close`` it at the end, also if starting failed.

    ``partitions`` is their count for all hub topics; the topic must exist. ``failed`` is called when it cannot go on:
    a newer hub wrote there. The process must then stop, since it would deliver what is to be held.

    While the broker is away, what was known last stays true. After that the topic is read whole again, and its state
    put in place at once: no older record that was overruled is acted upon meanwhile.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        topics: Topics,
        partitions: int,
        *,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._connection = connection
        self._partitions = [TopicPartition(topics.controls, number) for number in range(partitions)]
        self._failed = failed
        self._paused: Mapping[str, Control] = {}
        self._discarded: Mapping[str, Control] = {}
        self._listeners: list[Listener] = []
        self._complete = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def paused(self, destination: str) -> Control | None:
        """What paused it; None while it is not paused."""
        return self._paused.get(destination)

    def discarded(self, destination: str) -> Control | None:
        """What gave its backlog up, if anything did. It counts for what was retired by then."""
        return self._discarded.get(destination)

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with a destination's name each time what `paused` says of it has changed. It must not raise
        and not block.
        """
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Undo `listen`."""
        self._listeners.remove(listener)

    async def start(self) -> None:
        """Return when everything up to the end that the topic has now is known. While the broker is away this waits.

        Raises:
            NewerFormatError: a newer hub wrote here.
        """
        self._task = asyncio.create_task(self._follow(), name="controls")
        known = asyncio.create_task(self._complete.wait())
        try:
            await asyncio.wait({self._task, known}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            known.cancel()
        if self._task.done():
            self._task.result()
        self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._failed(error)

    async def _follow(self) -> None:
        # Not `while True`: aiokafka swallows a cancellation that comes while it closes a client.
        while not self._closing:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                _log.warning("controls cannot be read, trying again", extra={"error": repr(error)})
            await asyncio.sleep(_PAUSE)

    async def _read(self) -> None:
        """The whole topic, then what comes, until the connection fails."""
        consumer = guarded_consumer(
            self._connection,
            auto_offset_reset="none",  # another log is an error, after which it is read whole again
        )
        try:
            await consumer.start()
            consumer.assign(self._partitions)
            table = ControlTable()
            await self._read_whole(consumer, table)
            self._become(table)
            self._complete.set()
            while not self._closing:
                records = await _poll(consumer, _QUIET_MS)
                for record in records:
                    _learn(table, record)
                    self._become(table)
                if not records:
                    await consumer.end_offsets(self._partitions)  # raises where polling would find nothing for ever
        finally:
            await consumer.stop()

    async def _read_whole(self, consumer: AIOKafkaConsumer, table: ControlTable) -> None:
        ends = await consumer.end_offsets(self._partitions)
        for partition, first in (await consumer.beginning_offsets(self._partitions)).items():
            consumer.seek(partition, first)
        while any([await consumer.position(partition) < ends[partition] for partition in self._partitions]):
            for record in await _poll(consumer, _POLL_MS):
                _learn(table, record)

    def _become(self, table: ControlTable) -> None:
        self._discarded = table.discarded()
        before, self._paused = self._paused, table.paused()
        paused = self._paused
        for destination in sorted(before.keys() | paused.keys()):
            if before.get(destination) != paused.get(destination):
                _log_change(destination, paused.get(destination))
                for listener in self._listeners:
                    listener(destination)


async def _poll(consumer: AIOKafkaConsumer, milliseconds: int) -> "list[ConsumerRecord[bytes, bytes]]":
    """What has arrived, in the order of each partition; waits so long for the first."""
    batches = await consumer.getmany(timeout_ms=milliseconds)
    return [record for records in batches.values() for record in records]


def _learn(table: ControlTable, record: "ConsumerRecord[bytes, bytes]") -> None:
    try:
        table.learn(record.key, record.value)
    except MalformedRecordError as error:
        _log.warning(
            "not a control, skipped",
            extra={"topic": record.topic, "partition": record.partition, "offset": record.offset, "error": str(error)},
        )


def _log_change(destination: str, control: Control | None) -> None:
    if control is None:
        _log.info("destination resumed", extra={"destination": destination})
    else:
        _log.info(
            "destination paused",
            extra={"destination": destination, "by": control.by, "reason": control.reason, "since": control.at},
        )
