"""Deliver into PostgreSQL: from the topic to committed rows, outcomes and offsets, beside COPY-then-merge alone."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from tests.bench.figures import Figures, Row, medians, rate_at_least
from tests.bench.preload import Progress, fill_deliveries, make_topics, measure
from tests.bench.stage import ROUNDS, Stage, output_of
from tests.fixtures.postgres import PostgresServer

_DELIVERIES = 20_000
_AIM = 0.4
_CONFIGURATION = """
sources:
  gemini: {{type: gemini, secrets: ["{{secret}}"]}}
destinations:
  warehouse: {{type: database, url: "{url}", table: {table}}}
routes:
  - {{id: to-warehouse, to: warehouse}}
"""


def run(stage: Stage) -> Iterator[Row]:
    hub_rounds, raw_rounds = [], []
    with postgresql() as url:
        for number in range(ROUNDS):
            hub_rounds.append(_hub(stage, url, number))
            raw_rounds.append(_raw(url, number))
    ours, beside = medians(hub_rounds), medians(raw_rounds)
    yield Row(
        "deliver into PostgreSQL",
        ours,
        beside,
        "COPY then merge of the same rows, from memory",
        [rate_at_least(_AIM, ours, beside)],
    )


def _hub(stage: Stage, url: str, number: int) -> Figures:
    name = f"deliver-{number}"
    config = stage.configuration(name, _CONFIGURATION.format(url=url, table=f"hub_{number}"))
    topics = make_topics(stage.kafka, name, ["warehouse"])
    asyncio.run(fill_deliveries(stage.kafka, topics, "warehouse", _DELIVERIES))
    with stage.running("-m", "hub", "worker", "--config", str(config), "--only", "warehouse") as worker:
        return measure(worker, Progress.of(stage.kafka, topics.outcomes("warehouse")), _DELIVERIES)


def _raw(url: str, number: int) -> Figures:
    arguments = ("--url", url, "--table", f"raw_{number}", "--rows", str(_DELIVERIES))
    report = orjson.loads(output_of("tests.bench.copy_and_merge", *arguments))
    return Figures(rate=report["rate"], cpu=report["cpu"])


@contextmanager
def postgresql() -> Iterator[str]:
    """A server of its own, as durable as anybody's."""
    folder = Path(tempfile.mkdtemp(prefix="hub-bench-postgres-"))
    server = PostgresServer(folder)
    try:
        server.create()
        server.start()
        yield server.url()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
