"""Appends what a processor must not lose: again and again, until Kafka has acknowledged it."""

import asyncio
import logging
from collections.abc import Sequence

from hub.log.records import Record
from hub.log.writer import LogWriter, WriteFailedError

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds


async def append_all(writer: LogWriter, topic: str, partition: int, records: Sequence[Record]) -> list[int]:
    """The offsets, once all are acknowledged. A failed write is repeated, so a record may be there twice: duplicates
    are removed after the log. Ends when it succeeds or is cancelled.

    Raises:
        RecordTooLargeError: it never will fit.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            return await writer.append_all(topic, partition, records)
        except WriteFailedError as error:
            _log.warning(
                "write failed, repeating it",
                extra={"topic": topic, "partition": partition, "records": len(records), "error": str(error)},
            )
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
