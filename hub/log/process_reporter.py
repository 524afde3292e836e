"""Says every few seconds which revision of the configuration this process runs."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress

from hub.log.records import Record, encode_process_report, partition_for_bytes
from hub.log.topics import Topics
from hub.log.writer import LogWriter, WriteFailedError, WriterFullError
from schemas.report import ProcessReport

EVERY = 3.0  # seconds

THIS_PROCESS = f"{socket.gethostname()}:{os.getpid()}"


class ProcessReporter:
    """``run`` it as a task, cancel it, then let it `end`. A report that cannot be written is worth nothing a moment
    later. ``partitions`` is their count for all hub topics.
    """

    def __init__(self, report: Callable[[], ProcessReport], writer: LogWriter, topics: Topics, partitions: int) -> None:
        self._report = report
        self._writer = writer
        self._topic = topics.reports
        self._partitions = partitions

    async def run(self) -> None:
        while True:
            await self._write(encode_process_report(self._report()))
            await asyncio.sleep(EVERY)

    async def end(self) -> None:
        """Nobody must take the last report for the present."""
        record = encode_process_report(self._report())
        await self._write(Record(record.key, None, []))

    async def _write(self, record: Record) -> None:
        partition = partition_for_bytes(record.key or b"", self._partitions)
        with suppress(WriterFullError, WriteFailedError):
            await self._writer.append(self._topic, partition, record)
