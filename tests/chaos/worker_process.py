"""A worker of a HubUnderTest: BOOTSTRAP HUB HOME NAME=CONNECTOR:SECONDS … and what is to go wrong with it."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import orjson

from hub.config.logging import configure_logging
from hub.config.model import BatchConfig
from hub.config.settings import LogFormat, LogLevel, Settings
from hub.log.connection import KafkaConnection
from hub.processors.worker import run_worker
from tests.chaos.hub_under_test import HubUnderTest
from tests.chaos.range_deaths import STEPS, save_at_once, without_seal
from tests.chaos.safeguards import EFFECT_FIRST, switch_off


async def main() -> None:
    bootstrap, name, home, *words = sys.argv[1:]
    if "--commit-first" in words:
        switch_off(EFFECT_FIRST)
    destinations = {}
    for word in words:
        if not word.startswith("--"):
            destination, _, connector = word.partition("=")
            kind, _, seconds = connector.partition(":")
            destinations[destination] = (kind, float(seconds))
    clusters = [word.partition("=")[2] or None for word in words if word.startswith("--cluster=")]
    kafka = KafkaConnection(bootstrap, cluster_id=clusters[0] if clusters else None)
    hub = HubUnderTest(kafka, name, Path(home), destinations)
    for word in words:
        if word.startswith("--batch="):
            records, _, wait = word.partition("=")[2].partition(",")
            batch = BatchConfig(max_records=int(records), max_wait=timedelta(seconds=float(wait)))
            hub = replace(hub, batch=batch)
        if word.startswith("--store="):
            hub = replace(hub, store=orjson.loads(word.partition("=")[2]))
        if word.startswith("--die-"):
            save_at_once()
            STEPS[word.removeprefix("--die-")]()
    if "--without-seal" in words:
        without_seal()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await run_worker(hub.configuration(), hub.kafka, Settings(home=Path(home)), stop=stop)
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    configure_logging(LogLevel.INFO, LogFormat.TEXT)
    asyncio.run(main())
