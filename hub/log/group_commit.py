"""Group commit: one round in flight per leader; what arrives meanwhile, for any of its partitions, shares the next.

aiokafka has one produce request at a time in flight to each broker. A batch that it is given earlier is closed all the
same, and what comes later for its partition waits one request longer; so batches are made when the leader is free.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TypeAlias

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import RecordMetadata

from hub.log.partition_queue import PartitionQueue, Run
from hub.log.producer import HealingProducer

HOLD_SECONDS = 0.2
"""So long the partitions of a leader wait for each other; one whose batch must be sent again is left behind then."""

Leader: TypeAlias = int | TopicPartition
"""A broker's number; where none is known the partition stands for it, so that it holds nobody up."""

Answers = dict[asyncio.Future[RecordMetadata], PartitionQueue]


class GroupCommit:
    """Writes the runs of each partition in their order. Its tasks live from the first `put` to `stop`.

    Args:
        released: called with (records, bytes) once they are answered, whatever the answer.
        timeout: seconds for one batch; also how long a run waits for a producer (its ``expires``).
    """

    def __init__(self, producer: HealingProducer, released: Callable[[int, int], None], timeout: float) -> None:
        self._producer = producer
        self._released = released
        self._timeout = timeout
        self._queues: dict[tuple[str, int], PartitionQueue] = {}
        self._waiting: list[PartitionQueue] = []  # those with runs, and no batch in flight
        self._busy: dict[Leader, asyncio.Task[None]] = {}
        self._rounds: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def put(self, topic: str, partition: int, run: Run) -> None:
        queue = self._queues.get((topic, partition))
        if queue is None:
            queue = self._queues[topic, partition] = PartitionQueue(topic, partition, self._released)
        queue.append(run)
        if queue.idle:
            self._next(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="group commit")

    async def stop(self) -> None:
        """Give up what is not written yet: it fails with WriteFailedError."""
        if self._task is not None:
            tasks = {self._task, *self._rounds}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for queue in self._queues.values():
            queue.give_up(lambda _: True, "the writer stopped")

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not self._waiting:
                continue
            soonest = min(queue.expires for queue in self._waiting)
            try:
                producer = await self._producer.current(max(soonest - time.monotonic(), 0))
            except TimeoutError:
                self._give_up_expired()
            else:
                self._begin_rounds(producer)

    def _begin_rounds(self, producer: AIOKafkaProducer) -> None:
        """One for each leader that is free and has something to write."""
        ready: dict[Leader, list[PartitionQueue]] = {}
        waiting, self._waiting = self._waiting, []
        for queue in waiting:
            leader = _leader(producer, queue.partition)
            if leader in self._busy:
                self._waiting.append(queue)
            else:
                ready.setdefault(leader, []).append(queue)
        for leader, queues in ready.items():
            task = asyncio.create_task(self._round(leader, producer, queues), name=f"group commit to {leader}")
            self._busy[leader] = task
            self._rounds.add(task)
            task.add_done_callback(self._rounds.discard)

    async def _round(self, leader: Leader, producer: AIOKafkaProducer, queues: list[PartitionQueue]) -> None:
        """One batch for each partition, all in one produce request, up to their answers."""
        answers: Answers = {}
        unanswered = dict.fromkeys(queues)
        try:
            async with asyncio.timeout(self._timeout):
                for queue in queues:
                    batch = producer.create_batch()
                    if queue.fill(batch):
                        topic, partition = queue.partition
                        answers[await producer.send_batch(batch, topic, partition=partition)] = queue
                    else:
                        del unanswered[queue]
                        self._next(queue)
                patience: float | None = HOLD_SECONDS
                while answers:
                    answered, _ = await asyncio.wait(answers, timeout=patience)
                    for each in answered:
                        queue = answers.pop(each)
                        del unanswered[queue]
                        self._settle(producer, queue, each)
                    self._free(leader)
                    patience = None
        except BaseException as error:
            for each in answers:
                each.cancel()
            for queue in unanswered:
                queue.fail(self._reason(error))
                self._next(queue)
            if not isinstance(error, Exception):
                raise
            self._producer.replace(producer, error)
        finally:
            self._free(leader)

    def _settle(
        self, producer: AIOKafkaProducer, queue: PartitionQueue, answer: asyncio.Future[RecordMetadata]
    ) -> None:
        try:
            first = answer.result().offset
            if first < 0:  # DuplicateSequenceNumber: written before, but the broker has forgotten where
                raise LookupError("the broker does not know the offset any more")
        except Exception as error:  # noqa: BLE001  (whatever it is, the records have no place)
            queue.fail(self._reason(error))
            self._producer.replace(producer, error)
        else:
            queue.acknowledge(first)
        self._next(queue)

    def _next(self, queue: PartitionQueue) -> None:
        """No batch of the queue is in flight: another one may be."""
        queue.idle = not queue
        if queue:
            self._waiting.append(queue)
            self._changed.set()

    def _free(self, leader: Leader) -> None:
        if self._busy.get(leader) is asyncio.current_task():
            del self._busy[leader]
            self._changed.set()

    def _give_up_expired(self) -> None:
        now = time.monotonic()
        waiting, self._waiting = self._waiting, []
        for queue in waiting:
            queue.give_up(lambda run: run.expires <= now, f"Kafka cannot be reached for {self._timeout:g} s")
            self._next(queue)

    def _reason(self, error: BaseException) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} s"
        if isinstance(error, asyncio.CancelledError):
            return "the writer stopped"
        return f"{type(error).__name__}: {error}"


def _leader(producer: AIOKafkaProducer, partition: TopicPartition) -> Leader:
    leader = producer.client.cluster.leader_for_partition(partition)
    return partition if leader is None or leader < 0 else int(leader)
