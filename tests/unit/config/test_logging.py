"""One line per thing that happened, whatever is in it."""

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from hub.config.logging import RateLimit, configure_logging
from hub.config.settings import LogFormat, LogLevel


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("aiokafka", "kafka", "asyncio", "slack_sdk")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def lines(log_format: LogFormat, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level, log_format, stream=stream)
    return stream


def test_text_shows_the_fields_behind_the_message() -> None:
    stream = lines(LogFormat.TEXT)
    logging.getLogger("hub.ingress").info("accepted", extra={"source": "gemini", "id": "msg 1", "bytes": 3, "gone": ""})
    assert (
        stream.getvalue().split(" ", 1)[1] == "INFO    hub.ingress: accepted source=gemini id='msg 1' bytes=3 gone=''\n"
    )


def test_a_value_cannot_forge_a_line() -> None:
    stream = lines(LogFormat.TEXT)
    logging.getLogger("hub").warning("bad %s", "x\n12:00:00 INFO hub: all is well", extra={"id": "a\r\nb"})
    assert stream.getvalue().count("\n") == 1
    assert "\r" not in stream.getvalue()


def test_json_is_one_object_per_line_with_the_traceback_in_it() -> None:
    stream = lines(LogFormat.JSON)
    try:
        raise ValueError("no\ngood")
    except ValueError:
        logging.getLogger("hub.deliver").exception(
            "failed", extra={"destination": "db", "attempt": 2, "odd": {1: object}}
        )
    logging.getLogger("hub").info("next")
    first, second = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (first["level"], first["logger"], first["message"]) == ("error", "hub.deliver", "failed")
    assert (first["destination"], first["attempt"]) == ("db", 2)
    assert first["time"].endswith("Z")
    assert "ValueError: no\ngood" in first["traceback"]
    assert second["message"] == "next"


def test_a_field_cannot_take_the_place_of_the_message() -> None:
    stream = lines(LogFormat.JSON)
    logging.getLogger("hub").info("real", extra={"level": "forged", "logger": "forged", "time": "forged"})
    assert "forged" not in stream.getvalue()


def test_the_level_holds_and_libraries_speak_up_only_to_warn() -> None:
    stream = lines(LogFormat.TEXT, LogLevel.DEBUG)
    logging.getLogger("hub").debug("heard")
    logging.getLogger("aiokafka.consumer").info("chatter")
    logging.getLogger("aiokafka.consumer").warning("news")
    assert [line.rsplit(": ")[-1] for line in stream.getvalue().splitlines()] == ["heard", "news"]
    stream = lines(LogFormat.TEXT, LogLevel.ERROR)
    logging.getLogger("aiokafka").warning("unheard")
    assert stream.getvalue() == ""


def test_a_warning_of_a_library_becomes_a_line() -> None:
    stream = lines(LogFormat.JSON)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
    assert json.loads(stream.getvalue())["logger"] == "py.warnings"


def record(name: str, line: int, message: str = "broker is away") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "client.py", line, message, None, None)


def test_a_broker_that_is_away_does_not_fill_the_log() -> None:
    now = 100.0
    limit = RateLimit(("aiokafka",), clock=lambda: now)
    passed = 0
    for _ in range(500):  # 50 lines a second for ten seconds
        passed += limit.filter(record("aiokafka.cluster", 7))
        now += 0.0199
    assert passed == 1
    now += 1
    last = record("aiokafka.cluster", 7)
    assert limit.filter(last)
    assert last.__dict__["repeated"] == 499


def test_other_places_and_other_loggers_are_not_held_back() -> None:
    limit = RateLimit(("aiokafka",), clock=lambda: 0.0)
    assert limit.filter(record("aiokafka", 1))
    assert limit.filter(record("aiokafka", 2))
    assert not limit.filter(record("aiokafka.conn", 1))
    assert all(limit.filter(record("hub.aiokafka", 1)) for _ in range(3))
    assert all(limit.filter(record("aiokafkaesque", 1)) for _ in range(3))
