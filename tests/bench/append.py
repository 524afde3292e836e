"""Append: the hub's writer beside Kafka's own ProducerPerformance, the raw limit of this broker on this machine.

That tool is in a jar the broker does not need; jgo fetches it the first time.
"""

import asyncio
import re
import subprocess
import time
from collections.abc import Iterator
from functools import cache

import jgo

from hub.log.connection import KafkaConnection
from hub.log.embedded.jars import KAFKA_VERSION, cache_folder, verified_jars
from hub.log.embedded.java import find_java
from hub.log.record import Record
from hub.log.records import encode_event
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from tests.bench.figures import Figures, Row, medians
from tests.bench.preload import PARTITIONS, event, make_topics
from tests.bench.stage import ROUNDS, Stage

_RECORDS = 50_000
_ANSWER = re.compile(r"([\d.]+) records/sec.*?([\d.]+) ms 50th.*?([\d.]+) ms 99th")
_MB = 1_000_000


def run(stage: Stage) -> Iterator[Row]:
    topics = make_topics(stage.kafka, "append", [])
    record = encode_event(event(0))
    size = len(record.value or b"") + sum(len(name) + len(value) for name, value in record.headers)
    ours, beside = [], []
    for _ in range(ROUNDS):
        ours.append(asyncio.run(_writer(stage.kafka, topics, record)))
        beside.append(_producer_performance(stage.kafka, topics, size))
    yield Row(
        f"append {size} bytes, acks=all, idempotent (ours with {len(record.headers)} headers)",
        medians(ours),
        medians(beside),
        "org.apache.kafka.tools.ProducerPerformance",
    )


async def _writer(kafka: KafkaConnection, topics: Topics, record: Record) -> Figures:
    writer = LogWriter(kafka, max_pending_records=5000, max_pending_bytes=32 * _MB, max_record_bytes=_MB)
    await writer.start()
    began, cpu = time.perf_counter(), time.process_time()
    share = [record] * (_RECORDS // PARTITIONS)
    await asyncio.gather(*(writer.append_all(topics.events, partition, share) for partition in range(PARTITIONS)))
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    await writer.stop()
    return Figures(rate=_RECORDS / seconds, cpu=used / _RECORDS * 1e6)


def _producer_performance(kafka: KafkaConnection, topics: Topics, size: int) -> Figures:
    properties = ["acks=all", "enable.idempotence=true", "linger.ms=0", "batch.size=500000"]
    command = [str(find_java().executable), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", _class_path()]
    command += ["org.apache.kafka.tools.ProducerPerformance", "--bootstrap-server", kafka.bootstrap]
    command += ["--topic", topics.events, "--num-records", str(_RECORDS), "--record-size", str(size)]
    command += ["--throughput", "-1", "--command-property", *properties]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    found = _ANSWER.search(done.stdout)
    if found is None:
        raise RuntimeError(f"ProducerPerformance said: {(done.stdout + done.stderr)[-1000:]}")
    return Figures(rate=float(found[1]))


@cache
def _class_path() -> str:
    fetched = jgo.build(f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}").all_jars
    tools = next(jar for jar in fetched if jar.name == f"kafka-tools-{KAFKA_VERSION}.jar")
    return ":".join(str(jar) for jar in (tools, *verified_jars(cache_folder())))
