"""What ``hub pause`` and ``hub resume`` share: find the destination, see how it is, write down what is decided."""

import asyncio
import getpass
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hub.cli.wiring import connection, fail, load_configuration, settings
from hub.config.model import Configuration
from hub.config.problems import did_you_mean
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.control_table import ControlTable
from hub.log.reader import LogReader
from hub.log.records import MalformedRecordError, NewerFormatError, encode_control, partition_for
from hub.log.topics import HEADROOM
from hub.log.writer import LogWriter, WriteFailedError
from hub.supervisor import CONFIGURATION_ERROR
from schemas.attributes import ERROR_BUDGET, truncate_text
from schemas.control import Control

_WRITE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Controlled:
    """A destination that exists, and what pauses it now, if anything."""

    configuration: Configuration
    kafka: KafkaConnection
    destination: str
    partition: int
    paused_by: Control | None

    def decide(self, *, paused: bool, by: str, reason: str) -> Control:
        """Write it down. Ends the command where Kafka does not take it."""
        by, reason = truncate_text(by, ERROR_BUDGET), truncate_text(reason, ERROR_BUDGET)
        control = Control(self.destination, paused, by, reason, datetime.now(UTC))
        try:
            asyncio.run(write_control(self.kafka, self.configuration.topics.controls, self.partition, control))
        except WriteFailedError as error:
            fail(f"Kafka at {self.kafka.bootstrap} did not take it ({error}); try again")
        return control


def find(config: Path, destination: str) -> Controlled:
    """Ends the command with 2 where there is no such destination, with 1 where Kafka does not answer."""
    configuration = load_configuration(config)
    known = configuration.destinations
    if destination not in known:
        hint = did_you_mean(destination, known) or f"; there is {', '.join(known) or 'none'}"
        fail(f"there is no destination {destination!r} in {config}{hint}", CONFIGURATION_ERROR)
    kafka = connection(settings())
    topic = configuration.topics.controls
    try:
        partitions = len(LogAdmin(kafka, configuration.layout).offsets(topic))
        if not partitions:
            fail(f"there is no topic {topic} on Kafka at {kafka.bootstrap}; `hub up` or `hub worker` makes it")
        partition = partition_for(destination, partitions)
        paused = _paused(LogReader(kafka, configuration.topics), topic, partition)
    except (LogAdminError, KafkaUnavailableError, NewerFormatError) as error:
        fail(str(error))
    return Controlled(configuration, kafka, destination, partition, paused.get(destination))


def whoami() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container the user may have no name
        return f"user {os.getuid()}"


def _paused(reader: LogReader, topic: str, partition: int) -> dict[str, Control]:
    table = ControlTable()
    for record in reader.scan(topic, partition=partition):
        try:
            table.learn(record.key, record.value)
        except MalformedRecordError:  # the workers warn of it
            continue
    return dict(table.paused())


async def write_control(kafka: KafkaConnection, topic: str, partition: int, control: Control) -> None:
    """Append a control to its topic. Raises WriteFailedError."""
    writer = LogWriter(
        kafka,
        max_pending_records=1,
        max_pending_bytes=HEADROOM,
        max_record_bytes=HEADROOM,
        delivery_timeout=_WRITE_SECONDS,
    )
    await writer.start()
    try:
        await writer.append_all(topic, partition, [encode_control(control)])
    finally:
        await writer.stop()
