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
    Delivery,
    DeliveryError,
    DeliveryKey,
    DestinationConfig,
    DestinationGoneError,
    EachDestination,
    Effect,
    Outcomes,
    RetryableError,
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


CONNECTORS: Mapping[str, type[LedgerBatch | LedgerEach | Hanging]] = {
    connector.name: connector for connector in (LedgerBatch, LedgerEach, Hanging)
}
