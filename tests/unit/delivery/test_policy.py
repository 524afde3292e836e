from datetime import timedelta

import pytest

from connectors.errors import BadRecordError, DeliveryError, DestinationDownError, RetryableError, ThrottledError
from hub.config.model import RetryConfig
from hub.delivery.policy import Dead, Decision, Pause, Retry, backoff, decide, describe

SETTINGS = RetryConfig.model_validate({"max_attempts": 4, "max_age": "1h", "backoff": "1s", "max_backoff": "10s"})


def decided(error: BaseException, attempt: int = 1, age: timedelta = timedelta(), setbacks: int = 1) -> Decision:
    return decide(error, attempt=attempt, age=age, setbacks=setbacks, settings=SETTINGS)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4)])
def test_each_failure_doubles_the_pause(attempt: int, seconds: int) -> None:
    assert decided(RetryableError("no"), attempt) == Retry(timedelta(seconds=seconds))


@pytest.mark.parametrize("failures", [5, 50, 5000])
def test_a_pause_has_a_longest(failures: int) -> None:
    assert backoff(failures, SETTINGS) == timedelta(seconds=10)


def test_no_backoff_stays_none() -> None:
    settings = RetryConfig.model_validate({"backoff": "0s"})
    assert backoff(9, settings) == timedelta()


def test_a_record_that_never_fits_is_dead_at_once() -> None:
    assert decided(BadRecordError("no such column")) == Dead("BadRecordError: no such column")


def test_the_last_attempt_is_the_last() -> None:
    assert decided(RetryableError("no"), attempt=4) == Dead("given up after 4 attempts: RetryableError: no")


def test_an_old_delivery_is_given_up() -> None:
    assert decided(RetryableError("no"), age=timedelta(hours=1)) == Dead("given up after 1:00:00: RetryableError: no")


def test_the_destination_may_ask_for_a_longer_pause_but_not_for_a_shorter() -> None:
    assert decided(RetryableError("no", timedelta(minutes=5))) == Retry(timedelta(minutes=5))
    assert decided(RetryableError("no", timedelta(milliseconds=1))) == Retry(timedelta(seconds=1))


@pytest.mark.parametrize("error", [ValueError("a bug"), DeliveryError("of no kind"), TimeoutError()])
def test_anything_else_is_tried_again(error: Exception) -> None:
    assert decided(error) == Retry(timedelta(seconds=1))
    assert isinstance(decided(error, attempt=4), Dead)


@pytest.mark.parametrize("attempt", [1, 4, 400])
def test_throttling_costs_no_attempt_and_lasts_exactly_as_long(attempt: int) -> None:
    error = ThrottledError("slower", timedelta(seconds=42))
    assert decided(error, attempt, age=timedelta(days=9)) == Pause(timedelta(seconds=42))


def test_a_destination_that_is_down_kills_no_delivery() -> None:
    error = DestinationDownError("refused")
    assert decided(error, attempt=400, age=timedelta(days=9), setbacks=3) == Pause(timedelta(seconds=4))


def test_an_error_says_its_type() -> None:
    assert describe(ValueError("x")) == "ValueError: x"
    assert describe(TimeoutError()) == "TimeoutError"
