from datetime import timedelta

import pytest

from connectors.errors import (
    BadRecordError,
    DeliveryError,
    DestinationDownError,
    DestinationGoneError,
    RetryableError,
    ThrottledError,
)
from hub.config.model import RetryConfig
from hub.delivery.policy import Dead, Decision, Failure, Hold, Pause, Retry, backoff, decide, describe, tier_for

SETTINGS = RetryConfig.model_validate({"max_attempts": 4, "max_age": "1h", "backoff": "1s", "max_backoff": "10s"})
TIERS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 300))


def decided(
    error: BaseException,
    attempt: int = 1,
    age: timedelta = timedelta(),
    setbacks: int = 1,
    *,
    outage: bool = False,
    strict: bool = False,
) -> Decision:
    return decide(Failure(error, attempt, age, setbacks, outage), SETTINGS, TIERS, strict=strict)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 5), (2, 30), (3, 300)])
def test_each_failure_waits_in_the_next_tier(attempt: int, seconds: int) -> None:
    assert decided(RetryableError("no"), attempt) == Retry(timedelta(seconds=seconds), tier=True)


@pytest.mark.parametrize(("attempt", "seconds"), [(4, 300), (400, 300)])
def test_the_last_tier_serves_all_that_follow(attempt: int, seconds: int) -> None:
    assert tier_for(attempt, timedelta(), TIERS) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4)])
def test_in_strict_order_it_waits_in_its_place_and_each_failure_doubles_the_pause(attempt: int, seconds: int) -> None:
    assert decided(RetryableError("no"), attempt, strict=True) == Retry(timedelta(seconds=seconds), tier=False)


@pytest.mark.parametrize("failures", [5, 50, 5000])
def test_a_pause_has_a_longest(failures: int) -> None:
    assert backoff(failures, SETTINGS) == timedelta(seconds=10)


def test_no_backoff_stays_none() -> None:
    settings = RetryConfig.model_validate({"backoff": "0s"})
    assert backoff(9, settings) == timedelta()


@pytest.mark.parametrize("outage", [False, True])
def test_a_record_that_never_fits_is_dead_at_once(outage: bool) -> None:
    assert decided(BadRecordError("no such column"), outage=outage) == Dead("BadRecordError: no such column")


def test_the_last_attempt_is_the_last() -> None:
    assert decided(RetryableError("no"), attempt=4) == Dead("given up after 4 attempts: RetryableError: no")


def test_an_old_delivery_is_given_up() -> None:
    assert decided(RetryableError("no"), age=timedelta(hours=1)) == Dead("given up after 1:00:00: RetryableError: no")


def test_the_destination_may_ask_for_a_longer_wait_but_not_for_a_shorter() -> None:
    assert decided(RetryableError("no", timedelta(seconds=31))) == Retry(timedelta(seconds=300), tier=True)
    assert decided(RetryableError("no", timedelta(milliseconds=1))) == Retry(timedelta(seconds=5), tier=True)
    assert decided(RetryableError("no", timedelta(seconds=31)), strict=True) == Retry(timedelta(seconds=31), tier=False)


def test_no_wait_is_longer_than_the_longest_tier() -> None:
    assert decided(RetryableError("no", timedelta(days=1))) == Retry(timedelta(seconds=300), tier=True)


@pytest.mark.parametrize("error", [ValueError("a bug"), DeliveryError("of no kind"), TimeoutError()])
def test_anything_else_is_tried_again(error: Exception) -> None:
    assert decided(error) == Retry(timedelta(seconds=5), tier=True)
    assert isinstance(decided(error, attempt=4), Dead)


@pytest.mark.parametrize("attempt", [1, 4, 400])
@pytest.mark.parametrize("outage", [False, True])
def test_throttling_costs_no_attempt_and_lasts_exactly_as_long(attempt: int, outage: bool) -> None:
    error = ThrottledError("slower", timedelta(seconds=42))
    decision = decided(error, attempt, age=timedelta(days=9), outage=outage)
    assert decision == Pause(timedelta(seconds=42), down=False)


@pytest.mark.parametrize(("error", "outage"), [(DestinationDownError("refused"), False), (KeyError("a plugin"), True)])
def test_a_destination_that_is_down_kills_no_delivery(error: Exception, outage: bool) -> None:
    decision = decided(error, attempt=400, age=timedelta(days=9), setbacks=3, outage=outage)
    assert decision == Pause(timedelta(seconds=4), down=True)


def test_a_destination_that_is_gone_waits_for_a_person() -> None:
    assert decided(DestinationGoneError("410"), attempt=400) == Hold("DestinationGoneError: 410")


def test_an_error_says_its_type() -> None:
    assert describe(ValueError("x")) == "ValueError: x"
    assert describe(TimeoutError()) == "TimeoutError"
