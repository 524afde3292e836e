import asyncio
import logging
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
from hub.config.model import DeliverySettings, DestinationEntry, RetryConfig, Where
from hub.processors.connector import Connector


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
    monkeypatch.setattr(Shy, "log_of_calls", calls, raising=False)
    return calls


def connector(kind: type[Shy], tmp_path: Path) -> Connector:
    settings = DeliverySettings(retry=RetryConfig.model_validate({"backoff": "1ms"}))
    entry = DestinationEntry("shy", kind, DestinationConfig(), settings, isolated=False, where=Where("hub.yaml", 1))
    return Connector(entry, Context("shy", tmp_path, logging.getLogger("test"), OutgoingHttp()))


async def test_a_destination_that_cannot_be_opened_is_tried_again(tmp_path: Path, calls: list[str]) -> None:
    opened = connector(Shy, tmp_path)
    await asyncio.wait_for(opened.ready(), 5)
    with opened.use() as destination:
        assert isinstance(destination, Shy)
    await opened.close()
    assert calls == ["open", "close", "open", "close", "open", "close"]


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
