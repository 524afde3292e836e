"""The real google-genai client, sync and async, against ``hub emulate gemini``. Only its base URL is set."""

import asyncio
import base64
import inspect
import io
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google import genai
from google.genai import errors, types
from standardwebhooks import Webhook as Verifier

from tests.fixtures.emulator_process import EmulatorProcess, emulator_process, until
from tests.fixtures.endpoint import Endpoint, Received

README = Path(__file__).parents[2] / "README.md"
MODEL = "gemini-2.5-flash"
VEO = "veo-3.1-generate-preview"
pytestmark = pytest.mark.filterwarnings(
    # What the client does to aiohttp (google/genai/_api_client.py, 3.6.1).
    "ignore:Inheritance class AiohttpClientSession from ClientSession is discouraged:DeprecationWarning"
)
EVENTS = ["batch.succeeded", "interaction.completed"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorProcess]:
    with emulator_process(tmp_path_factory.mktemp("gemini") / "home") as process:
        yield process


@pytest.fixture(params=["sync v1", "async v1", "sync v1beta", "async v1beta"])
async def client(request: pytest.FixtureRequest, emulator: EmulatorProcess) -> AsyncIterator[Any]:
    """``client.webhooks`` and so on, of one surface and version."""
    surface, version = request.param.split()
    made = genai.Client(api_key="any", http_options=types.HttpOptions(base_url=emulator.url, api_version=version))
    yield made.aio if surface == "async" else made
    await made.aio.aclose()
    made.close()


async def call(method: Any, *args: Any, **options: Any) -> Any:
    """Call a method of either surface; the blocking ones in a thread, as this loop also serves the receiver."""
    if inspect.iscoroutinefunction(method):
        return await method(*args, **options)
    answer = await asyncio.to_thread(method, *args, **options)
    return await answer if inspect.isawaitable(answer) else answer


async def listed(pager: Any) -> list[Any]:
    return [each async for each in pager] if hasattr(pager, "__aiter__") else await asyncio.to_thread(list, pager)


def headers(received: Received) -> dict[str, str]:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return {name: received.header(name) or "" for name in names}


async def event_of(emulator: EmulatorProcess, received: Received) -> Any:
    """The body of a job's own webhook, verified with the keys that the emulator publishes."""
    keys = await emulator.ask("/.well-known/jwks.json")
    key = jwt.PyJWKSet.from_dict(keys).keys[-1].key
    assert isinstance(key, Ed25519PublicKey)
    signed = headers(received)
    stamp = f"{signed['webhook-id']}.{signed['webhook-timestamp']}."
    key.verify(base64.b64decode(signed["webhook-signature"].removeprefix("v1a,")), stamp.encode() + received.body)
    return json.loads(received.body)


async def finish(emulator: EmulatorProcess, job: str, outcome: str = "succeed") -> Any:
    """End a job; its webhooks have been attempted when this returns."""
    return await emulator.ask("/emulator/jobs/finish", {"job": job, "outcome": outcome})


async def test_each_call_of_webhooks(client: Any) -> None:
    webhooks = client.webhooks
    async with Endpoint() as endpoint:
        made = await call(webhooks.create, subscribed_events=EVENTS, uri=endpoint.url, name="mine")
        secret = made.new_signing_secret
        assert secret.startswith("whsec_")
        assert made.state == "enabled"
        assert made.signing_secrets[0].truncated_secret == f"whsec_...{secret[-4:]}"

        got = await call(webhooks.get, made.id)
        assert (got.name, got.uri, got.new_signing_secret) == ("mine", endpoint.url, None)

        other = await call(webhooks.create, subscribed_events=EVENTS, uri="https://example.com/hook")
        first = await call(webhooks.list, page_size=1)
        assert [each.id for each in first.webhooks] == [other.id]
        second = await call(webhooks.list, page_size=1, page_token=first.next_page_token)
        assert [each.id for each in second.webhooks] == [made.id]

        renamed = await call(webhooks.update, made.id, name="ours", state="disabled", update_mask="name,state")
        assert (renamed.name, renamed.state, renamed.subscribed_events) == ("ours", "disabled", EVENTS)
        assert (await call(webhooks.update, made.id, state="enabled")).state == "enabled"

        rotated = await call(webhooks.rotate_signing_secret, made.id)
        assert len((await call(webhooks.get, made.id)).signing_secrets) == 2
        await call(webhooks.ping, made.id)
        await until(lambda: endpoint.received)
        for each in (secret, rotated.secret):
            Verifier(each).verify(endpoint.received[0].body, headers(endpoint.received[0]))

        last = await call(
            webhooks.rotate_signing_secret, made.id, revocation_behavior="revoke_previous_secrets_immediately"
        )
        assert len((await call(webhooks.get, made.id)).signing_secrets) == 1
        assert last.secret not in {secret, rotated.secret}

        for each in (made, other):
            await call(webhooks.delete, each.id)
        with pytest.raises(Exception, match="404") as refused:
            await call(webhooks.get, made.id)
        assert type(refused.value).__name__ == "NotFoundError"


async def test_an_inline_batch_with_its_own_webhook(client: Any, emulator: EmulatorProcess) -> None:
    async with Endpoint() as endpoint:
        job = await call(
            client.batches.create,
            model=MODEL,
            src=[{"contents": [{"parts": [{"text": question}], "role": "user"}]} for question in ("one", "two")],
            config={
                "display_name": "inline",
                "webhook_config": {"uris": [endpoint.url], "user_metadata": {"priority": "high"}},
            },
        )
        assert job.state == types.JobState.JOB_STATE_PENDING
        await finish(emulator, job.name)
        event = await event_of(emulator, endpoint.received[0])
    assert event["type"] == "batch.succeeded"
    assert event["data"] == {"id": job.name}
    assert event["user_metadata"] == {"priority": "high"}
    ended = await call(client.batches.get, name=job.name)
    assert ended.state == types.JobState.JOB_STATE_SUCCEEDED
    texts = [each.response.text for each in ended.dest.inlined_responses]
    assert texts == ["Emulated answer to: one", "Emulated answer to: two"]
    polls = {each["name"]: each["polls"] for each in (await emulator.ask("/emulator/jobs"))["jobs"]}
    assert polls[job.name] == 1


async def test_a_batch_of_a_file_with_its_own_webhook(client: Any, emulator: EmulatorProcess) -> None:
    content = b'{"key": "a", "request": {"contents": [{"parts": [{"text": "one"}]}]}}\n'
    async with Endpoint() as endpoint:
        file = await call(client.files.upload, file=io.BytesIO(content), config={"mime_type": "application/jsonl"})
        assert (await call(client.files.get, name=file.name)).size_bytes == len(content)
        job = await call(
            client.batches.create, model=MODEL, src=file.name, config={"webhook_config": {"uris": [endpoint.url]}}
        )
        await finish(emulator, job.name)
        event = await event_of(emulator, endpoint.received[0])
    ended = await call(client.batches.get, name=job.name)
    assert event["data"]["output_file_uri"] == ended.dest.file_name
    [line] = (await call(client.files.download, file=ended.dest.file_name)).splitlines()
    assert json.loads(line)["key"] == "a"
    assert ended.dest.file_name in [each.name for each in await listed(await call(client.files.list))]
    await call(client.files.delete, name=file.name)


async def test_a_batch_is_listed_cancelled_and_deleted(client: Any, emulator: EmulatorProcess) -> None:
    async with Endpoint() as endpoint:
        source = [{"contents": [{"parts": [{"text": "one"}]}]}]
        config = {"webhook_config": {"uris": [endpoint.url]}}
        jobs = [await call(client.batches.create, model=MODEL, src=source, config=config) for _ in range(3)]
        names = [each.name for each in await listed(await call(client.batches.list, config={"page_size": 2}))]
        assert names[:3] == [job.name for job in reversed(jobs)]

        await call(client.batches.cancel, name=jobs[0].name)
        assert (await call(client.batches.get, name=jobs[0].name)).state == types.JobState.JOB_STATE_CANCELLED
        await until(lambda: endpoint.received)
        assert (await event_of(emulator, endpoint.received[0]))["type"] == "batch.cancelled"
        for job, outcome, state in ((jobs[1], "fail", "FAILED"), (jobs[2], "expire", "EXPIRED")):
            await finish(emulator, job.name, outcome)
            assert (await call(client.batches.get, name=job.name)).state == f"JOB_STATE_{state}"
        await call(client.batches.delete, name=jobs[0].name)
    with pytest.raises(errors.ClientError, match="404 NOT_FOUND"):
        await call(client.batches.get, name=jobs[0].name)


async def test_a_background_interaction_with_its_own_webhook(client: Any, emulator: EmulatorProcess) -> None:
    async with Endpoint() as endpoint:
        config = {"uris": [endpoint.url], "user_metadata": {"agent": "a1"}}
        made = await call(
            client.interactions.create, model=MODEL, input="tell me", background=True, webhook_config=config
        )
        assert made.status == "in_progress"
        assert made.webhook_config.user_metadata == {"agent": "a1"}
        await finish(emulator, made.id)
        event = await event_of(emulator, endpoint.received[0])
    assert event["type"] == "interaction.completed"
    assert (event["data"]["id"], event["user_metadata"]) == (made.id, {"agent": "a1"})
    ended = await call(client.interactions.get, made.id, stream=False)
    assert (ended.status, ended.output_text) == ("completed", "Emulated answer to: tell me")

    waiting = await call(client.interactions.create, agent="deep-research-pro", input="go", background=True)
    await finish(emulator, waiting.id, "require_action")
    assert (await call(client.interactions.get, waiting.id)).status == "requires_action"
    running = await call(client.interactions.create, model=MODEL, input="go", background=True)
    assert (await call(client.interactions.cancel, running.id)).status == "cancelled"
    await call(client.interactions.delete, running.id)
    with pytest.raises(Exception, match="`background` must be true"):
        await call(client.interactions.create, model=MODEL, input="go", webhook_config=config)


async def test_a_video_by_rest_where_the_client_refuses(client: Any, emulator: EmulatorProcess) -> None:
    with pytest.raises(ValueError, match="only supported in Gemini Enterprise Agent Platform mode"):
        await call(
            client.models.generate_videos,
            model=VEO,
            source={"prompt": "a cat"},
            config={"webhook_config": {"uris": ["https://example.com"]}},
        )
    async with Endpoint() as endpoint:
        made = await emulator.ask(
            f"/v1beta/models/{VEO}:predictLongRunning",
            {"instances": [{"prompt": "a cat"}], "webhookConfig": {"uris": [endpoint.url]}},
        )
        running = await call(client.operations.get, types.GenerateVideosOperation.model_validate(made))
        assert not running.done
        await finish(emulator, made["name"])
        event = await event_of(emulator, endpoint.received[0])
    ended = await call(client.operations.get, types.GenerateVideosOperation.model_validate(made))
    assert ended.done
    assert event["type"] == "video.generated"
    uri = ended.response.generated_videos[0].video.uri
    assert event["data"]["output_file_uri"] == uri
    assert uri == f"{emulator.url}/v1beta/{event['data']['file_name']}:download?alt=media"
    # By its name: the client finds a name in https URIs alone.
    content = await call(client.files.download, file=event["data"]["file_name"])
    assert content[4:8] == b"ftyp"


async def test_models_are_there(client: Any) -> None:
    assert (await call(client.models.get, model=MODEL)).name == f"models/{MODEL}"
    assert f"models/{VEO}" in [each.name for each in await listed(await call(client.models.list))]
    answer = await call(client.models.generate_content, model=MODEL, contents="one")
    assert answer.text == "Emulated answer to: one"


async def test_the_readme_s_example_runs(emulator: EmulatorProcess) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.DOTALL | re.MULTILINE)
    [example] = [block for block in blocks if "http://127.0.0.1:8931" in block]
    names: dict[str, Any] = {}
    await asyncio.to_thread(exec, example.replace("http://127.0.0.1:8931", emulator.url), names)
    assert names["job"].name.startswith("batches/")
    names["client"].close()
