"""One scenario in which a consumer may lose events, in a process of its own: SCENARIO (stock|safe) BOOTSTRAP.

Prints JSON: ``committed``, ``unfinished`` (the lowest offset whose work was never finished), ``seen`` values and how
long the stop took. Whoever commits past ``unfinished`` has lost it.
"""

import asyncio
import json
import logging
import os
import sys
from time import monotonic
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.transport.consumer import Fetcher

from hub.processors.transport import SafeConsumer, SafeTransport, batches
from tests.e2e.loss_harness import RECORDS, Scenario, until


async def agent_raises(scenario: Scenario) -> None:
    await scenario.create()
    app = scenario.app()
    failed: list[int] = []

    async def handler(offset: int, value: int) -> None:
        if value == 3 and not failed:
            failed.append(value)
            raise RuntimeError("boom")

    scenario.handle(app, handler)
    await app.start()
    await until(lambda: bool(failed) and (scenario.safe or len(scenario.done) >= RECORDS - 1))


async def take_raises(scenario: Scenario) -> None:
    await scenario.create()
    app = scenario.app()
    failed: list[int] = []

    def process(offsets: list[int]) -> None:
        scenario.seen.extend(offsets)
        if not failed:
            failed.append(1)
            raise RuntimeError("boom")
        scenario.done.update(offsets)

    @app.agent(app.topic(scenario.topic, value_type=bytes, value_serializer="raw"), name=scenario.topic)  # type: ignore[untyped-decorator]  # Faust's
    async def agent(stream: Any) -> None:
        if scenario.safe:
            async for batch in batches(stream, 5):
                process([received.offset for received in batch])
                for received in batch:
                    app.consumer.ack(received)
        else:
            async for values in stream.take(5, within=0.5):
                process([int(value) for value in values])

    app.finalize()
    await app.start()
    await until(lambda: bool(failed) and (scenario.safe or len(scenario.done) >= 5))


async def head_still_running(scenario: Scenario) -> None:
    await scenario.create()
    app = scenario.app()

    async def handler(offset: int, value: int) -> None:
        if value == 0:
            await asyncio.sleep(60)

    scenario.handle(app, handler, concurrency=3)
    await app.start()
    await until(lambda: len(scenario.done) >= RECORDS - 1)


async def one_not_acked(scenario: Scenario) -> None:
    await scenario.create()
    app = scenario.app()

    @app.agent(app.topic(scenario.topic, value_type=bytes, value_serializer="raw"), name=scenario.topic)  # type: ignore[untyped-decorator]  # Faust's
    async def agent(stream: Any) -> None:
        if scenario.safe:
            async for batch in batches(stream, 5):
                for received in batch:
                    scenario.seen.append(received.offset)
                    if received.offset != 3:
                        app.consumer.ack(received)
                        scenario.done.add(received.offset)
        else:
            async for event in stream.noack().events():
                scenario.seen.append(event.message.offset)
                if event.message.offset != 3:
                    event.ack()
                    scenario.done.add(event.message.offset)

    app.finalize()
    await app.start()
    await until(lambda: len(scenario.done) >= RECORDS - 1)


async def stop_cancels_running_work(scenario: Scenario) -> None:
    await scenario.create()
    app = scenario.app(drain=1.0, stream_wait_empty=False)

    async def handler(offset: int, value: int) -> None:
        if value == 3:
            await asyncio.sleep(60)

    scenario.handle(app, handler)
    await app.start()
    await until(lambda: 3 in scenario.seen)
    await scenario.commits_past(2)
    await scenario.stop(app)


async def stop_waits_for_running_work(scenario: Scenario) -> None:
    await scenario.stop(await _working(scenario))


async def stop_during_a_rebalance(scenario: Scenario) -> None:
    """The group begins to rebalance, since a member comes or goes, and then the app is told to stop."""
    app = await _working(scenario)
    app.on_rebalance_start()
    await scenario.stop(app)


async def _working(scenario: Scenario) -> Any:
    """An app in the middle of a record that takes a while."""
    await scenario.create()
    app = scenario.app(drain=4.0)

    async def handler(offset: int, value: int) -> None:
        if value == 3:
            await asyncio.sleep(1.5)

    scenario.handle(app, handler)
    await app.start()
    await until(lambda: 3 in scenario.seen)
    return app


async def hung_handler(scenario: Scenario) -> None:
    await scenario.create()
    app = scenario.app(drain=1.0)

    async def handler(offset: int, value: int) -> None:
        if value == 3:
            await asyncio.sleep(1000)

    scenario.handle(app, handler)
    await app.start()
    await until(lambda: 3 in scenario.seen)
    await scenario.stop(app, deadline=5.0)


async def aborted_transactions(scenario: Scenario) -> None:
    """Every third transaction is aborted (its values are negative); the eighth record stays in process."""
    await scenario.create(records=0)
    producer = AIOKafkaProducer(bootstrap_servers=scenario.bootstrap, transactional_id=scenario.topic)
    await producer.start()
    for transaction in range(12):
        aborted = transaction % 3 == 2
        await producer.begin_transaction()
        for _ in range(3):
            sent = await producer.send_and_wait(scenario.topic, b"-1" if aborted else b"1", partition=0)
            if not aborted:
                scenario.offsets.append(sent.offset)
        await (producer.abort_transaction() if aborted else producer.commit_transaction())
    await producer.stop()
    await _eighth_stays_in_process(scenario)


async def compacted_topic(scenario: Scenario) -> None:
    """Offsets are missing from the log; the eighth record stays in process."""
    await scenario.create(
        records=0,
        config={
            "cleanup.policy": "compact",
            "segment.ms": "100",
            "min.cleanable.dirty.ratio": "0.001",
            "max.compaction.lag.ms": "200",
        },
    )
    await scenario.produce(range(60), key=lambda value: b"%d" % (value % 20 if value < 40 else value))
    end = monotonic() + 20
    while len(offsets := await _offsets_in(scenario)) >= 55 and monotonic() < end:
        await scenario.produce([0], key=lambda _: b"roll")  # compaction leaves the open segment alone
    assert len(offsets) < 55, "the broker did not compact"
    scenario.offsets = offsets
    await _eighth_stays_in_process(scenario)


async def _offsets_in(scenario: Scenario) -> list[int]:
    partition = TopicPartition(scenario.topic, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=scenario.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    consumer.assign([partition])
    end = (await consumer.end_offsets([partition]))[partition]
    offsets: list[int] = []
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(timeout_ms=500)).values():
            offsets += [record.offset for record in records]
    await consumer.stop()
    return offsets


async def _eighth_stays_in_process(scenario: Scenario) -> None:
    app = scenario.app()

    async def handler(offset: int, value: int) -> None:
        if len(scenario.seen) == 8:
            await asyncio.sleep(60)

    scenario.handle(app, handler, concurrency=4)
    await app.start()
    await until(lambda: len(scenario.done) >= len(scenario.offsets) - 1)


async def second_member_joins(scenario: Scenario) -> None:
    """A fresh group, nothing committed yet: a fetch is under way while a second member takes half of the partitions."""
    partitions, records = 4, 400
    await scenario.create(records=0, partitions=partitions)
    await scenario.produce(range(records), partitions=partitions)
    gate = asyncio.Event()

    async def handler(offset: int, value: int) -> None:
        pass

    first, second = scenario.app(), scenario.app()
    for app in (first, second):
        scenario.handle(app, handler, gate=gate)
    await first.start()
    await until(lambda: len(first.consumer.assignment()) == partitions and not first.rebalancing)
    under_way, fetch = asyncio.Event(), first.consumer._getmany

    def shared() -> bool:
        return len(first.consumer.assignment()) == partitions // 2 and not first.rebalancing and not second.rebalancing

    async def straddling(_: object, seconds: float) -> Any:
        under_way.set()
        await until(lambda: shared() and first.consumer.flow_active, deadline=20.0)
        first.consumer._getmany = fetch
        return await fetch(first.consumer.assignment(), seconds)

    first.consumer._getmany = straddling
    await under_way.wait()
    await second.start()
    await until(shared, deadline=20.0)
    gate.set()
    await until(lambda: len(set(scenario.values)) == records, deadline=4.0)
    scenario.done = set(scenario.values)
    scenario.offsets = list(range(records))


SCENARIOS = {
    name: function
    for name, function in list(globals().items())
    if asyncio.iscoroutinefunction(function) and not name.startswith("_") and name not in {"until", "main"}
}


class WithoutSeek(SafeConsumer):
    """As stock: the position stays where it is when nothing was committed."""

    async def _seek_to_start(self) -> None:
        await self.seek_to_committed()


async def main(name: str, variant: str, bootstrap: str) -> None:
    scenario = Scenario(name, safe=variant != "stock", bootstrap=bootstrap)
    if variant == "without-seek":
        SafeTransport.Consumer = WithoutSeek
    if variant == "stock-fetcher":
        SafeTransport.Fetcher = Fetcher
    await SCENARIOS[name](scenario)
    print(json.dumps(await scenario.result()), flush=True)  # noqa: T201
    os._exit(0)  # a stock app whose handler hangs never ends


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    faust.App.logger.disabled = True
    asyncio.run(main(*sys.argv[1:4]))
