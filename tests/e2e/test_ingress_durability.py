"""202 means durable: with a real Kafka, through drains, kills and outages."""

import asyncio
import contextlib
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import orjson
import pytest

from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.topics import Topics
from tests.fixtures.ingress import until
from tests.fixtures.ingress_process import IngressProcess, ingress_process, stored_events
from tests.fixtures.ports import broker_ports
from tests.fixtures.webhooks import signed_headers

BODY = '{"type":"order.paid","data":{"id":"o1","team":"a"}}'
SENDERS = 16


async def test_202_means_it_is_in_the_topic(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:
        await ingress.until_ready()
        async with aiohttp.ClientSession() as session:
            assert await ingress.post(session, "msg_1", BODY) == 202
        (event,) = await stored_events(kafka, topics)
        assert (event.id, event.type, event.subject, event.body) == ("msg_1", "order.paid", "o1", BODY.encode())
        assert event.metadata == {"team": "a"}
        assert dict(event.headers)["webhook-id"] == "msg_1"


async def test_the_largest_event_is_accepted_whole(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    metadata = {f"key{number}": "m" * 700 for number in range(11)}
    empty = orjson.dumps({"type": "t", "user_metadata": metadata, "data": {"id": "s" * 1024, "pad": ""}}).decode()
    body = empty.replace('"pad":""', '"pad":"%s"' % ("x" * (1_000_000 - len(empty))))
    headers = {f"x-{number}-event": "h" * 3000 for number in range(5)}
    with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:
        await ingress.until_ready()
        async with aiohttp.ClientSession(headers=headers) as session:
            assert await ingress.post(session, "i" * 1024, body, "gemini") == 202
            assert await ingress.post(session, "too-large", body + " ", "gemini") == 413
        (event,) = await stored_events(kafka, topics)
        assert event.body == body.encode()
        assert event.metadata == metadata
        assert sum(name.endswith("-event") for name, _ in event.headers) == 4  # as many as fit beside the signed ones


async def send_until_it_ends(ingress: IngressProcess, sender: int, accepted: set[str]) -> None:
    """One request after the other; what got a 202 is remembered."""
    async with aiohttp.ClientSession() as session:
        for number in range(100_000):
            event_id = f"msg_{sender}_{number}"
            try:
                if await ingress.post(session, event_id, BODY.replace("o1", f"o{number % 50}")) == 202:
                    accepted.add(event_id)
            except aiohttp.ClientError:
                return


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_that_got_a_202_is_lost_when_the_ingress_ends_under_load(
    number: signal.Signals, kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    accepted: set[str] = set()
    with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:
        await ingress.until_ready()
        async with asyncio.TaskGroup() as senders:
            for sender in range(SENDERS):
                senders.create_task(send_until_it_ends(ingress, sender, accepted))
            await until(lambda: len(accepted) >= 500, seconds=60)
            os.kill(ingress.process.pid, number)
        code = await asyncio.to_thread(ingress.process.wait, 30)
    assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    stored = {event.id for event in await stored_events(kafka, topics)}
    assert accepted <= stored
    if number is signal.SIGTERM:  # a drain answers all it stores
        assert stored == accepted


async def test_a_request_in_flight_when_the_stop_begins_is_finished(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    headers = signed_headers(BODY, datetime.now(UTC))
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST /in/shop HTTP/1.1\r\nhost: hub\r\ncontent-length: {len(BODY)}\r\n{fields}\r\n"
    with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:
        await ingress.until_ready()
        reader, writer = await asyncio.open_connection("127.0.0.1", ingress.port)
        writer.write(head.encode() + BODY[:10].encode())
        await writer.drain()
        async with aiohttp.ClientSession() as session:  # after its answer, the server has read the half request too
            assert await ingress.post(session, "msg_2", BODY) == 202
        ingress.process.send_signal(signal.SIGTERM)
        await until_refused(ingress.port)
        writer.write(BODY[10:].encode())
        async with asyncio.timeout(10):
            assert b" 202 " in await reader.readline()
        writer.close()
        assert await asyncio.to_thread(ingress.process.wait, 30) == 0
    assert {event.id for event in await stored_events(kafka, topics)} == {"msg_1", "msg_2"}


async def until_refused(port: int) -> None:
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()


async def test_a_topic_with_other_partitions_ends_the_start_with_2_and_says_why(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    with ingress_process(kafka.bootstrap, topics, tmp_path, partitions=2) as first:
        await first.until_ready()
        assert first.stop() == 0
    with ingress_process(kafka.bootstrap, topics, tmp_path, partitions=3) as second:
        assert await asyncio.to_thread(second.process.wait, 60) == 2
        assert "log.partitions is 3" in second.log.read_text()


async def test_an_outage_of_kafka_is_503_and_passes(topics: Topics, tmp_path: Path) -> None:
    home = tmp_path / "broker"
    home.mkdir()
    broker = EmbeddedBroker(home, ports=broker_ports(), train=False)
    try:
        kafka = broker.start()
        broker.stop()
        with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:  # Kafka is away when it starts
            await ingress.until_ready(status=503)
            async with aiohttp.ClientSession() as session:
                assert await ingress.post(session, "refused-1", BODY) == 503
                assert broker.start().bootstrap == kafka.bootstrap
                await ingress.until_ready()
                assert await ingress.post(session, "stored-1", BODY) == 202
                broker.stop()
                await ingress.until_ready(status=503)
                assert await ingress.post(session, "refused-2", BODY) == 503
                broker.start()
                await ingress.until_ready()
                assert await ingress.post(session, "stored-2", BODY) == 202
            assert ingress.stop() == 0
            stored = {event.id for event in await stored_events(kafka, topics)}
            assert {"stored-1", "stored-2"} <= stored
    finally:
        broker.stop()
