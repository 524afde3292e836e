"""``hub send`` against a real ingress: every sample of every source that ships is accepted."""

import asyncio
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.fixtures.ingress_process import IngressProcess, ingress_process, stored_events


async def hub_send(ingress: IngressProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "hub", "send", "--config", str(ingress.config), *arguments]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("source", "sample"), [("gemini", "batch.failed"), ("shop", "order.refunded"), ("github", "issues.opened")]
)
async def test_a_sample_arrives_with_its_metadata(
    source: str, sample: str, kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    metadata = [] if source == "github" else ["--metadata", "team=search"]
    with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:
        await ingress.until_ready()
        sent = await hub_send(ingress, source, "--sample", sample, "--url", ingress.url, "--endpoint", "a/b", *metadata)
        assert (sent.returncode, sent.stderr) == (0, "")
        (event,) = await stored_events(kafka, topics)
        assert orjson.loads(sent.stdout.removeprefix("202 "))["id"] == event.id
        assert (event.source, event.type, event.endpoint) == (source, sample, "a/b")
        assert event.metadata == ({"team": "search"} if metadata else {})


async def test_mistakes_are_told_with_what_would_be_right(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    file = tmp_path / "body.json"
    file.write_text("[1]")
    with ingress_process(kafka.bootstrap, topics, tmp_path) as ingress:
        await ingress.until_ready()
        url = ["--url", ingress.url]
        for arguments, code, message in (
            (["gemni", "--sample", "x"], 2, "did you mean gemini?"),
            (["gemini", "--sample", "batch.succeded"], 2, "did you mean batch.succeeded?"),
            (["gemini"], 2, "give either a FILE or --sample with one of batch.succeeded,"),
            (
                ["github", "--sample", "push", "--metadata", "a=b"],
                2,
                "map a out of the body with the `metadata` option",
            ),
            (["gemini", str(file), "--metadata", "a=b"], 2, "a JSON object"),
            (["gemini", "--sample", "batch.failed", "--url", "http://127.0.0.1:1"], 1, "is `hub up` or `hub ingress`"),
            (["gemini", str(file), "--endpoint", "a b", *url], 1, "answered 404"),
        ):
            sent = await hub_send(ingress, *arguments)
            assert (sent.returncode, message in sent.stderr) == (code, True), sent.stderr
            assert "Traceback" not in sent.stderr
        assert (await hub_send(ingress, "gemini", str(file), *url)).returncode == 0
        assert [event.body for event in await stored_events(kafka, topics)] == [b"[1]"]
