"""Destinations that collect, whose secrets change in the middle of their ranges: each event is in one object."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from pydantic import Field

from connectors.api import Collection, DestinationDownError, Span
from hub.config import secret_watch
from hub.config.file_secrets import FileSecrets
from hub.config.load import load
from hub.config.model import BatchConfig
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.chaos.connectors import LedgerConfig, LedgerPages, Pages, pages_folder
from tests.chaos.hub_under_test import PARTITIONS, HubUnderTest
from tests.fixtures.ingress import until
from tests.fixtures.rotation import Volume, load_of, working
from tests.fixtures.s3 import S3Server

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what runs in this process."""
    monkeypatch.setattr(secret_watch, "EVERY", 0.1)


class GuardedConfig(LedgerConfig):
    key: str = Field(description="The key the store asks for.")


class GuardedPages(Pages):
    def __init__(self, config: GuardedConfig, span: Span, accepted: set[str]) -> None:
        super().__init__(config, span)
        self._key = config.key
        self._accepted = accepted

    async def store(self) -> None:
        self._check()
        await super().store()
        self._check()  # stored, but who sent it never learns that

    def _check(self) -> None:
        if self._key not in self._accepted:
            raise DestinationDownError("403, it said")


class GuardedStore(LedgerPages):
    """Stores with a key that may be revoked at any moment."""

    accepted: set[str]

    def collect(self, span: Span) -> Collection:
        assert isinstance(self.config, GuardedConfig)
        return GuardedPages(self.config, span, self.accepted)


async def test_a_store_whose_key_rotates_has_each_event_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges that are gathered or stored with a key that is no longer accepted begin again with the new one."""
    accepted = {"key-0"}
    monkeypatch.setattr(GuardedStore, "accepted", accepted, raising=False)
    size = BatchConfig(max_records=20, max_wait=timedelta(milliseconds=200))
    hub = HubUnderTest(kafka, topics.hub, tmp_path, {"out": ("ledger-pages", 0.01)}, batch=size)
    key = tmp_path / "key"
    key.write_text("key-0")

    def options(contents: Mapping[Path, str]) -> GuardedConfig:
        return GuardedConfig(effects=hub.effects_file("out"), seconds=0.01, key=contents[key])

    files = FileSecrets({key: "key-0"}, options)
    configuration = hub.configuration()
    entry = replace(
        configuration.destinations["out"],
        connector=GuardedStore,
        config=options(files.contents),
        file_secrets=files,
    )
    configuration = replace(configuration, destinations={"out": entry})

    def copies() -> Counter[str]:
        folder = pages_folder(hub.effects_file("out"))
        lines = [line for path in folder.glob("[!.]*") for line in path.read_text().splitlines()]
        found = Counter(line.split("~")[0] for line in lines)
        return Counter({event.removeprefix("test/"): n for event, n in found.items() if event.startswith("test/")})

    async def more_objects() -> None:
        goal = len(copies()) + 200
        await until(lambda: len(copies()) > goal, 20)

    async with working(hub, configuration):
        async with load_of(hub) as ids:
            for number in range(1, 5):
                await more_objects()
                accepted.add(f"key-{number}")
                if number % 2:  # else what is being stored with the old one succeeds
                    accepted.remove(f"key-{number - 1}")
                key.write_text(f"key-{number}")
            await more_objects()
        await hub.until_ended("out", ids)
    assert set(copies()) == set(ids)
    assert set(copies().values()) == {1}
    assert await hub.read(hub.topics.dead_letters) == []


async def test_an_s3_server_whose_keys_change_has_each_event_once(
    kafka: KafkaConnection, topics: Topics, tmp_path: Path
) -> None:
    """Both halves of the key at once: from then on the server knows only the new ones."""
    server = S3Server(tmp_path)
    server.start()
    try:
        bucket = server.create_bucket()
        volume = Volume(tmp_path / "mounted")
        volume.write(id=server.access_key, key=server.secret_key)
        (tmp_path / "hub.yaml").write_text(
            f"version: 1\nname: {topics.hub}\nlog: {{partitions: {PARTITIONS}}}\ndestinations:\n"
            f"  out: {{type: object_store, url: 's3://{bucket}', endpoint: '{server.endpoint}',"
            f" region: {server.region}, access_key_id: {{file: mounted/id}}, secret_access_key: {{file: mounted/key}},"
            " format: jsonl, batch: {max_records: 20, max_wait: 200ms}, retry: {backoff: 100ms}}\n"
            "routes:\n  - {id: all, to: out, when: {source: [test]}}\n"
        )
        hub = HubUnderTest(kafka, topics.hub, tmp_path, {})

        def copies() -> Counter[str]:
            return Counter(
                orjson.loads(line)["id"] for data in server.objects(bucket).values() for line in data.splitlines()
            )

        async with working(hub, load(tmp_path / "hub.yaml", {})):
            async with load_of(hub) as ids:
                await until(lambda: len(copies()) > 100, 20)
                server.kill()
                server.access_key, server.secret_key = "AKIANEW", "another-key-of-the-tests"
                server.start()
                before = len(copies())
                volume.write(id=server.access_key, key=server.secret_key)
                await until(lambda: len(copies()) > before + 100, 20)
            await hub.until_ended("out", ids)
        found = copies()
    finally:
        server.kill()
    assert found == Counter(ids)
    assert await hub.read(hub.topics.dead_letters) == []
