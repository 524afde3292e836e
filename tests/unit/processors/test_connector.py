import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.api import (
    Batch,
    BatchDestination,
    Context,
    DestinationConfig,
    DestinationDownError,
    Effect,
    Outcomes,
    OutgoingHttp,
)
from hub.config import secret_watch
from hub.config.file_secrets import FileSecrets
from hub.config.model import DeliverySettings, DestinationEntry, RetryConfig, Where
from hub.processors.connector import Connector
from tests.fixtures.ingress import until


class Shy(BatchDestination[DestinationConfig]):
    """Opens at the third try."""

    name = "shy"
    config_model = DestinationConfig
    effect = Effect.APPEND
    log_of_calls: list[str]

    async def open(self) -> None:
        self.log_of_calls.append("open")
        if self.log_of_calls.count("open") < 3:
            raise DestinationDownError("not yet")

    async def close(self) -> None:
        self.log_of_calls.append("close")
        raise RuntimeError("it must not raise, and does")

    async def deliver(self, batch: Batch) -> Outcomes:
        return {}


class NeverOpens(Shy):
    async def open(self) -> None:
        await asyncio.sleep(3600)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    for kind in (Shy, Keyed):
        monkeypatch.setattr(kind, "log_of_calls", calls, raising=False)
    return calls


class KeyConfig(DestinationConfig):
    key: str


class Keyed(BatchDestination[KeyConfig]):
    """Opens at once with every key but one."""

    name = "keyed"
    config_model = KeyConfig
    effect = Effect.APPEND
    log_of_calls: list[str]

    async def open(self) -> None:
        self.log_of_calls.append(f"open {self.config.key}")
        if self.config.key == "revoked":
            raise DestinationDownError("401")

    async def close(self) -> None:
        self.log_of_calls.append(f"close {self.config.key}")

    async def deliver(self, batch: Batch) -> Outcomes:
        return {}


def connector(
    kind: type[Shy | Keyed],
    tmp_path: Path,
    secret: Path | None = None,
    taken_over: Callable[[], None] = lambda: None,
    *,
    opens: bool = True,
) -> Connector:
    settings = DeliverySettings(retry=RetryConfig.model_validate({"backoff": "1ms"}))
    entry = DestinationEntry("shy", kind, DestinationConfig(), settings, isolated=False, where=Where("hub.yaml", 1))
    if secret is not None:
        contents = {secret: secret.read_text()}
        file_secrets = FileSecrets(contents, lambda contents: KeyConfig(key=contents[secret]))
        entry = replace(entry, config=file_secrets.options(contents), file_secrets=file_secrets)
    return Connector(
        entry, Context("shy", tmp_path, logging.getLogger("test"), OutgoingHttp()), taken_over, opens=opens
    )


async def test_a_destination_that_cannot_be_opened_is_tried_again(tmp_path: Path, calls: list[str]) -> None:
    opened = connector(Shy, tmp_path)
    await asyncio.wait_for(opened.ready(), 5)
    with opened.use() as destination:
        assert isinstance(destination, Shy)
    await opened.close()
    assert calls == ["open", "close", "open", "close", "open", "close"]


async def test_one_that_is_only_there_to_be_given_up_is_never_opened(tmp_path: Path, calls: list[str]) -> None:
    never, other = connector(Shy, tmp_path, opens=False), connector(Shy, tmp_path)
    await asyncio.wait_for(other.ready(), 5)
    assert not never.is_open
    await never.close()
    assert calls == ["open", "close", "open", "close", "open"]
    await other.close()


async def test_closing_does_not_wait_for_one_that_never_opens(tmp_path: Path, calls: list[str]) -> None:
    opened = connector(NeverOpens, tmp_path)
    await asyncio.sleep(0.01)
    await asyncio.wait_for(opened.close(), 5)
    assert calls == ["close"]


async def test_waiting_for_it_may_be_given_up(tmp_path: Path, calls: list[str]) -> None:
    opened = connector(NeverOpens, tmp_path)
    waiting = asyncio.create_task(opened.ready())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await opened.close()


async def test_a_changed_secret_opens_a_new_instance_beside_the_old_one(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(secret_watch, "EVERY", 0.01)
    secret = tmp_path / "secret"
    secret.write_text("old")
    opened = connector(Keyed, tmp_path, secret, lambda: calls.append("taken over"))
    await opened.ready()
    caplog.set_level(logging.INFO)
    with opened.use() as old:
        secret.write_text("new")
        await until(lambda: "taken over" in calls)
        with opened.use() as new:
            assert new is not old
        assert calls == ["open old", "open new", "taken over"]
    await until(lambda: "close old" in calls)
    await opened.close()
    assert calls == ["open old", "open new", "taken over", "close old", "close new"]
    (line,) = [vars(each) for each in caplog.records if "secret changed" in each.message]
    assert (line["destination"], line["file"]) == ("shy", str(secret))


async def test_a_new_secret_the_destination_refuses_leaves_the_old_one_in_use(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(secret_watch, "EVERY", 0.01)
    secret = tmp_path / "secret"
    secret.write_text("old")
    opened = connector(Keyed, tmp_path, secret)
    await opened.ready()
    secret.write_text("revoked")
    await until(lambda: calls.count("close revoked") > 1)
    with opened.use() as old:
        assert old.config == KeyConfig(key="old")
    assert "close old" not in calls
    assert "with its new secret, the old one stays in use" in caplog.text
    secret.write_text("new")
    await until(lambda: "close old" in calls)
    await opened.close()


async def test_a_secret_that_came_right_opens_what_could_never_be_opened(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_watch, "EVERY", 0.01)
    secret = tmp_path / "secret"
    secret.write_text("revoked")
    opened = connector(Keyed, tmp_path, secret)
    await until(lambda: calls.count("close revoked") > 1)
    assert not opened.is_open
    secret.write_text("new")
    await asyncio.wait_for(opened.ready(), 5)
    await opened.close()
