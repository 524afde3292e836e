"""Writes into the log at a chosen rate, until done or until Ctrl-C: what redriving, discarding and replaying share."""

import asyncio
import signal
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import click

from hub.cli.wiring import fail
from hub.log.connection import KafkaConnection
from hub.log.topics import max_record_bytes
from hub.log.writer import LogWriter, RecordTooLargeError, WriteFailedError
from hub.replay.paced import Step, write_paced

MarkT = TypeVar("MarkT")

_LARGEST_RECORD = 64_000_000
"""Bytes. What is in the log was accepted once, whatever ``max_body`` says now; the topics' limits only grow."""


class Rate(click.ParamType):
    """Records per second: ``100`` or ``100/s``."""

    name = "N/s"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value).removesuffix("/s")
        try:
            rate = float(text)
        except ValueError:
            rate = 0.0
        if not 0.01 <= rate <= 1_000_000:
            self.fail(f"{value!r} is no rate; write records per second, like 100 or 100/s", param, ctx)
        return rate


def write_all(
    steps: Generator[Step[MarkT], None, None],
    kafka: KafkaConnection,
    *,
    max_body: int,
    rate: float,
    done: Callable[[MarkT], None],
    again: str,
) -> bool:
    """Write every step; False when Ctrl-C or SIGTERM stopped it after one of them. A second Ctrl-C ends at once.

    Ends the command when Kafka refuses; ``again`` says what to do then.
    """
    try:
        return asyncio.run(_write_all(steps, kafka, max_body, rate, done))
    except (WriteFailedError, RecordTooLargeError) as error:
        fail(f"stopped, since Kafka did not take a record: {error}. {again}")


async def _write_all(
    steps: Generator[Step[Any], None, None],
    kafka: KafkaConnection,
    max_body: int,
    rate: float,
    done: Callable[[Any], None],
) -> bool:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_soon() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        click.echo("stopping …", err=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_soon)
    largest = max(_LARGEST_RECORD, max_record_bytes(max_body))
    writer = LogWriter(
        kafka,
        max_pending_records=10_000,
        max_pending_bytes=largest,
        max_record_bytes=largest,
        max_batch_bytes=max_record_bytes(max_body),
    )
    await writer.start()
    try:
        return await write_paced(steps, writer, rate=rate, stop=stop, done=done)
    finally:
        await writer.stop()
