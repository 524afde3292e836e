"""A destination that does nothing but note when a delivery arrived, offered to the hub as any plugin is."""

import time
from pathlib import Path

from pydantic import Field

from connectors.api import Delivery, DestinationConfig, DestinationDownError, EachDestination, Effect, Options

_ENTRY_POINTS = "[hub.destinations]\nbench_noop = tests.bench.noop_destination:NoopDestination\n"
_METADATA = "Metadata-Version: 2.1\nName: bench-noop\nVersion: 1\n"


class NoopConfig(DestinationConfig):
    arrivals: Path = Field(description="Gets a line per delivery: event id and nanoseconds of the wall clock.")
    down: bool = Field(default=False, description="Refuse everything.")


class NoopDestination(EachDestination[NoopConfig, Options]):
    name = "bench_noop"
    config_model = NoopConfig
    options_model = Options
    effect = Effect.IDEMPOTENT

    async def open(self) -> None:
        self._file = self.config.arrivals.open("w", buffering=1)

    async def deliver_one(self, delivery: Delivery[Options]) -> None:
        if self.config.down:
            raise DestinationDownError("as configured")
        print(delivery.event.id, time.time_ns(), file=self._file)

    async def close(self) -> None:
        self._file.close()


def install(folder: Path) -> None:
    """Make a folder that, on ``PYTHONPATH``, is an installed distribution with this entry point."""
    info = folder / "bench_noop-1.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(_METADATA)
    (info / "entry_points.txt").write_text(_ENTRY_POINTS)
