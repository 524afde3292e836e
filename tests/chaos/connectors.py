"""Destinations that misbehave on purpose, and write every effect into a file that outlives the process."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from connectors.api import (
    BadRecordError,
    Batch,
    BatchDestination,
    CollectingDestination,
    Collection,
    Delivery,
    DeliveryError,
    DeliveryKey,
    DestinationConfig,
    DestinationGoneError,
    EachDestination,
    Effect,
    Outcomes,
    RetryableError,
    Span,
)


class LedgerConfig(DestinationConfig):
    effects: Path = Field(description="The file that every effect is appended to: `delivery run attempt pid`.")
    seconds: float = Field(0.0, description="How long one call takes, before its effect.")


def append(path: Path, deliveries: list[Delivery]) -> None:
    """Atomic, and there as soon as it returns, whatever becomes of this process."""
    lines = "".join(f"{each.key.id} {each.key.run or '-'} {each.attempt} {os.getpid()}\n" for each in deliveries)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, lines.encode())
    os.close(file)


def check_outage(config: LedgerConfig) -> None:
    """While the file ``<effects>.outage`` exists, every call raises what a careless plugin would; while there is a
    ``<effects>.gone``, what a careful one does.
    """
    if config.effects.with_suffix(".outage").exists():
        raise RuntimeError("no connection, said the plugin's client library")
    if config.effects.with_suffix(".gone").exists():
        raise DestinationGoneError("410, it said")


class LedgerBatch(BatchDestination[LedgerConfig]):
    """Confirms every delivery, but for those whose body tells otherwise (`{"do": …}`)."""

    name = "ledger-batch"
    config_model = LedgerConfig
    effect = Effect.APPEND

    async def deliver(self, batch: Batch) -> Outcomes:
        await asyncio.sleep(self.config.seconds)
        check_outage(self.config)
        if any(each.json().get("do") == "curse" for each in batch.deliveries):
            raise KeyError("a bug: one strange record, and the whole batch fails")
        outcomes: dict[DeliveryKey, DeliveryError | None] = {}
        fine = []
        for each in batch.deliveries:
            error = trouble(each)
            if each.json().get("do") == "say-nothing" and each.attempt == 1:
                continue
            outcomes[each.key] = error
            if error is None:
                fine.append(each)
        append(self.config.effects, fine)
        return outcomes


class LedgerEach(EachDestination[LedgerConfig]):
    name = "ledger-each"
    config_model = LedgerConfig
    effect = Effect.NOTIFY

    async def deliver_one(self, delivery: Delivery) -> None:
        await asyncio.sleep(self.config.seconds)
        check_outage(self.config)
        if error := trouble(delivery):
            raise error
        append(self.config.effects, [delivery])


def trouble(delivery: Delivery) -> DeliveryError | None:
    wish = delivery.json().get("do")
    if wish == "poison":
        return BadRecordError("this one never")
    if wish == "fail-once" and delivery.attempt == 1:
        return RetryableError("not yet")
    return RetryableError("never, but it does not know") if wish == "fail" else None


class Pages(Collection):
    """A file for each (range, subject's last figure), named by the range alone; written one after the other."""

    def __init__(self, config: LedgerConfig, span: Span) -> None:
        self._config = config
        self._name = f"{span.topic}-{span.incarnation}-{span.partition}-{span.start:09}"
        self._pages: dict[str, list[str]] = {}

    def add(self, delivery: Delivery) -> None:
        if error := trouble(delivery):
            raise error
        page = (delivery.event.subject or "-")[-1]
        self._pages.setdefault(page, []).append(f"{delivery.key.id} {delivery.key.run or '-'}\n")

    async def store(self) -> None:
        folder = pages_folder(self._config.effects)
        folder.mkdir(exist_ok=True)
        for page, lines in self._pages.items():
            await asyncio.sleep(self._config.seconds)
            check_outage(self._config)
            write_page(folder / f"{page}-{self._name}", "".join(lines))


def pages_folder(effects: Path) -> Path:
    return effects.with_suffix(".pages")


def write_page(path: Path, text: str) -> None:
    """Atomic: whatever becomes of this process, the file is there as a whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text)
    beside.replace(path)


class LedgerPages(CollectingDestination[LedgerConfig]):
    """Stores ranges as files, several each."""

    name = "ledger-pages"
    config_model = LedgerConfig
    effect = Effect.IDEMPOTENT

    def collect(self, span: Span) -> Collection:
        return Pages(self.config, span)


class Hanging(EachDestination[LedgerConfig]):
    """Never answers, and does not care about being cancelled."""

    name = "hanging"
    config_model = LedgerConfig
    effect = Effect.NOTIFY

    async def deliver_one(self, delivery: Delivery) -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue


CONNECTORS: Mapping[str, type[LedgerBatch | LedgerEach | LedgerPages | Hanging]] = {
    connector.name: connector for connector in (LedgerBatch, LedgerEach, LedgerPages, Hanging)
}
