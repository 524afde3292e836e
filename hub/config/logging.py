"""Logging: one wide structured line per thing that happened, as text for people or as JSON for collectors.

What a line is about goes into ``extra=``; both formats show it. Secrets never get here: they are ``SecretStr`` from
the moment they are read.
"""

import logging
import sys
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

import orjson

from hub.config.settings import LogFormat, LogLevel

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

_CHATTY = ("aiokafka", "kafka")
"""Loggers that repeat themselves while a broker is away: aiokafka writes about 50 lines a second."""

_FAUST_SERVICES = ("hub.processors.app", "hub.processors.consumer_thread", "hub.processors.transport")
"""Their classes are services of Faust, which tell each step of their start and stop."""

_QUIET = {
    **dict.fromkeys(("aiokafka", "asyncio", "slack_sdk", "httpx2", "faust", "mode", *_FAUST_SERVICES), logging.WARNING),
    "kafka": logging.CRITICAL,  # kafka-python logs each ordinary close as an error; failures reach us as exceptions
}


def configure_logging(level: LogLevel, log_format: LogFormat, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process to ``stream`` (standard error), in one format. Replaces earlier handlers."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format is LogFormat.JSON else TextFormatter())
    handler.addFilter(RateLimit(_CHATTY, time.monotonic))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level.upper())))


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was given by ``extra=``."""
    return {key: value for key, value in record.__dict__.items() if key not in _STANDARD}


class TextFormatter(logging.Formatter):
    """``12:30:05.250 INFO  hub.ingress: accepted source=gemini id=msg_1``."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone()
        line = f"{at:%H:%M:%S}.{record.msecs:03.0f} {record.levelname:<7} {record.name}: {record.getMessage()}"
        line += "".join(f" {key}={_plain(value)}" for key, value in fields_of(record).items())
        line = line.replace("\n", "\\n").replace("\r", "\\r")  # a value with a newline must not forge a line
        return f"{line}\n{_trace(record)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, the fields, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            **fields_of(record),
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = _trace(record)
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z).decode()


class RateLimit(logging.Filter):
    """Lets one line a ``period`` (seconds) through for each place that logs, and says how many it held back.

    Only for the loggers named and what is below them; everything else passes.
    """

    def __init__(self, names: tuple[str, ...], clock: Callable[[], float], period: float = 10.0) -> None:
        super().__init__()
        self._names = names
        self._clock = clock
        self._period = period
        self._places: dict[tuple[str, int], tuple[float, int]] = {}  # when it last spoke, how many were held back

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in self._names:
            return True
        place = (record.pathname, record.lineno)
        now = self._clock()
        spoke, held = self._places.get(place, (-self._period, 0))
        if now - spoke < self._period:
            self._places[place] = (spoke, held + 1)
            return False
        self._places[place] = (now, 0)
        if held:
            record.repeated = held
        return True


def _plain(value: object) -> str:
    text = str(value)
    return text if text and not any(each.isspace() or each == '"' for each in text) else repr(text)


def _trace(record: logging.LogRecord) -> str:
    return "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""
