"""From the topic to objects in S3, outcomes and offsets, beside PUTs of the same lines alone."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from tests.bench.figures import Figures, Row, medians, rate_at_least
from tests.bench.preload import Progress, delivery, event, fill, make_topics, measure
from tests.bench.stage import ROUNDS, Stage, output_of
from tests.fixtures.s3 import S3Server

_AIM = 0.3
_CASES = ((1, 60_000), (100, 60_000), (10_000, 20_000))
"""Distinct paths, and deliveries."""

_CONFIGURATION = """
sources:
  gemini: {{type: gemini, secrets: ["{{secret}}"]}}
destinations:
  archive:
    type: object_store
    url: "s3://{bucket}/archive"
    endpoint: "{endpoint}"
    region: {region}
    access_key_id: {key}
    secret_access_key: {secret_key}
    format: jsonl.zst
    path: "{path}"
    batch: {{max_wait: 1s}}
routes:
  - {{id: to-archive, to: archive}}
"""


@dataclass(frozen=True)
class _Round:
    hub: Figures
    raw: Figures
    megabytes: float
    objects: int


def run(stage: Stage) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        server = S3Server(Path(folder))
        server.start()
        try:
            for paths, count in _CASES:
                rounds = [_measure(stage, server, paths, count, number) for number in range(ROUNDS)]
                ours, beside = medians([one.hub for one in rounds]), medians([one.raw for one in rounds])
                megabytes = max(one.megabytes for one in rounds)
                yield Row(
                    f"Kafka → S3, {paths:,} paths ({rounds[0].objects:,} objects, worker {megabytes:.0f} MB)",
                    ours,
                    beside,
                    "PUT of the same lines, not compressed, from memory",
                    [rate_at_least(_AIM, ours, beside)] if paths == 1 else [],
                )
        finally:
            server.kill()


def _measure(stage: Stage, server: S3Server, paths: int, count: int, number: int) -> _Round:
    name, bucket = f"s3-{paths}-{number}", server.create_bucket()
    config = stage.configuration(
        name,
        _CONFIGURATION.format(
            bucket=bucket,
            endpoint=server.endpoint,
            region=server.region,
            key=server.access_key,
            secret_key=server.secret_key,
            path="all" if paths == 1 else "{subject}",
        ),
    )
    topics = make_topics(stage.kafka, name, ["archive"])
    events = (replace(event(each), subject=f"subject-{each % max(paths, 100)}") for each in range(count))
    asyncio.run(fill(stage.kafka, topics.deliveries("archive"), ((each, delivery(each, "archive")) for each in events)))
    with stage.running("-m", "hub", "worker", "--config", str(config), "--only", "archive") as worker:
        hub = measure(worker, Progress.of(stage.kafka, topics.outcomes("archive")), count)
        megabytes = _peak(worker.process.pid)
    told = {
        "endpoint": server.endpoint,
        "bucket": bucket,
        "region": server.region,
        "key": server.access_key,
        "secret": server.secret_key,
    }
    words = [word for option, value in told.items() for word in (f"--{option}", value)]
    raw = orjson.loads(output_of("tests.bench.raw_put", *words))
    return _Round(
        hub, Figures(rate=count / raw["seconds"], cpu=raw["cpu"] / count * 1e6), megabytes, int(raw["objects"])
    )


def _peak(pid: int) -> float:
    """The most that was resident, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
