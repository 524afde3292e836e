"""A certificate is renewed under a real ingress that is under load: no request is refused, and no restart is needed."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import trustme

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.fixtures.certificates import (
    by_rename,
    chain_of,
    files_of,
    issue,
    key_of,
    serial_of,
    shown_serial,
    trusting,
)
from tests.fixtures.ingress_process import IngressProcess, ingress_process, stored_events

_SENDERS = 4


async def test_a_renewal_under_load_refuses_no_request(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> None:
    authority = trustme.CA()
    old = issue(authority, until=datetime.now(UTC) + timedelta(days=3))
    new = issue(authority, until=datetime.now(UTC) + timedelta(days=90))
    files = files_of(old, tmp_path)
    client = trusting(authority)
    options = ("--tls-cert", str(files.chain), "--tls-key", str(files.key))
    with ingress_process(kafka.bootstrap, topics, tmp_path, *options) as ingress:
        port = ingress.port

        async def shown() -> int:
            return await asyncio.to_thread(shown_serial, port, client)

        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=client, limit=1, keepalive_timeout=60)
        ) as kept:
            await until(lambda: is_ready(kept, ingress.url))
            async with load(ingress, client) as sent:
                await until_more(sent)
                assert await shown() == serial_of(old)

                by_rename(files.chain, chain_of(new))
                await until(lambda: said(ingress, "the new TLS certificate cannot be used, the old one goes on"))
                await until_more(sent)
                assert await shown() == serial_of(old)

                by_rename(files.key, key_of(new))
                await until(lambda: said(ingress, "a new TLS certificate is used"))
                await until_more(sent)
                assert await shown() == serial_of(new)
            assert await ingress.post(kept, "kept", "{}") == 202, "the connection from before the renewal"
        assert set(sent.values()) == {202}
        expected = {*sent, "kept"}
        assert {event.id for event in await stored_events(kafka, topics)} == expected
        warned = [line for line in ingress.lines() if "expires soon" in str(line["message"])]
        assert len(warned) == 1
        assert ingress.stop() == 0


def test_files_that_make_no_pair_end_the_start_with_what_is_wrong(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    authority = trustme.CA()
    files = files_of(issue(authority), tmp_path)
    files.key.write_bytes(key_of(issue(authority)))
    options = ("--tls-cert", str(files.chain), "--tls-key", str(files.key))
    with ingress_process(kafka.bootstrap, topics, tmp_path, *options) as ingress:
        assert ingress.process.wait(30) == 2, "a restart would not help"
        told = ingress.log.read_text()
        assert f"hub: TLS cannot be served: {files.key} and {files.chain} do not make a pair" in told
        assert "Traceback" not in told


@asynccontextmanager
async def load(ingress: IngressProcess, client: ssl.SSLContext) -> AsyncIterator[dict[str, int]]:
    """Senders that post one event after the other, each on a connection of its own: every request is a handshake.
    Yields the answers so far, by the event's id.
    """
    sent: dict[str, int] = {}
    stopping = asyncio.Event()

    async def send(sender: int) -> None:
        connector = aiohttp.TCPConnector(ssl=client, force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            for number in itertools.count():
                if stopping.is_set():
                    return
                event_id = f"msg_{sender}_{number}"
                sent[event_id] = await ingress.post(session, event_id, "{}")

    async with asyncio.TaskGroup() as senders:
        for sender in range(_SENDERS):
            senders.create_task(send(sender))
        try:
            yield sent
        finally:
            stopping.set()


async def until_more(sent: dict[str, int]) -> None:
    goal = len(sent) + 20

    async def enough() -> bool:
        return len(sent) >= goal

    await until(enough)


async def is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/readyz") as answer:
        return answer.status == 200


async def said(ingress: IngressProcess, message: str) -> bool:
    return any(line["message"] == message for line in ingress.lines())


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(40):
        while not await condition():  # noqa: ASYNC110  (another process: no Event to share)
            await asyncio.sleep(0.05)
