"""A source's secrets are in files that change while requests come in: none is refused by that."""

import asyncio
import secrets
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.fixtures.ingress import until
from tests.fixtures.ingress_process import ingress_process, stored_events
from tests.fixtures.rotation import Volume
from tests.fixtures.webhooks import OTHER_SECRET, SECRET, signed_headers

pytestmark = pytest.mark.timeout(120)


INGRESS = """\
version: 1
name: {hub}
log: {{partitions: {partitions}}}
sources:
  shop: {{type: standard_webhooks, secrets: [{{file: mounted/current}}, {{file: mounted/next}}]}}
"""


async def test_a_rotation_from_old_to_both_to_new_refuses_no_request_under_load(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    volume = Volume(tmp_path / "mounted")
    volume.write(current=SECRET, next="")
    used = [SECRET]  # by the senders
    answers: dict[str, int] = {}
    stop = asyncio.Event()

    async def post(session: aiohttp.ClientSession, url: str, event_id: str, secret: str) -> int:
        body = '{"type":"order.paid"}'
        headers = signed_headers(body, datetime.now(UTC), secret=secret, event_id=event_id)
        async with session.post(f"{url}/in/shop", data=body.encode(), headers=headers) as answer:
            return answer.status

    async def send(session: aiohttp.ClientSession, url: str) -> None:
        while not stop.is_set():
            event_id = f"msg_{secrets.token_hex(8)}"
            answers[event_id] = await post(session, url, event_id, used[len(answers) % len(used)])

    async def more(count: int) -> None:
        goal = len(answers) + count
        await until(lambda: len(answers) >= goal)

    async def until_answered(session: aiohttp.ClientSession, url: str, secret: str, status: int) -> None:
        async with asyncio.timeout(15):
            while await post(session, url, "probe", secret) != status:  # noqa: ASYNC110  (another process decides)
                await asyncio.sleep(0.05)

    with ingress_process(kafka.bootstrap, topics, tmp_path, configuration=INGRESS) as ingress:
        await ingress.until_ready()
        url = ingress.url
        async with aiohttp.ClientSession() as session, asyncio.timeout(60), asyncio.TaskGroup() as senders:
            for _ in range(8):
                senders.create_task(send(session, url))
            await more(200)
            assert await post(session, url, "too-early", OTHER_SECRET) == 401
            volume.write(current=SECRET, next=OTHER_SECRET)
            await until_answered(session, url, OTHER_SECRET, 202)
            used.append(OTHER_SECRET)
            await more(200)
            used.remove(SECRET)
            await more(100)  # nobody sends with the old one any more
            volume.write(current=OTHER_SECRET, next=OTHER_SECRET)
            await until_answered(session, url, SECRET, 401)
            await more(100)
            stop.set()
        changes = [line for line in ingress.lines() if str(line["message"]).startswith("secret changed")]
        assert [line["source"] for line in changes] == ["shop", "shop"]
        assert not any(secret in ingress.log.read_text() for secret in (SECRET, OTHER_SECRET))
        assert ingress.stop() == 0
    assert Counter(answers.values()) == {202: len(answers)}
    stored = {event.id for event in await stored_events(kafka, topics)}
    assert stored == {*answers, "probe"}
