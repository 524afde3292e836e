"""What an answer means is decided by its status, and said without secrets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest

from connectors.api import (
    BadRecordError,
    DeliveryError,
    DestinationDownError,
    DestinationGoneError,
    RetryableError,
    ThrottledError,
)
from connectors.destinations.http import HttpConfig, HttpDestination, HttpOptions
from connectors.destinations.http.errors import STATUS, TRANSPORT
from connectors.destinations.http.masking import Mask
from connectors.testing import context, delivery
from tests.fixtures.endpoint import Endpoint, answers
from tests.fixtures.webhooks import SECRET
from tests.unit.connectors.destinations.http.conftest import Opened, failure

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 226, 299])
async def test_any_2xx_is_delivered(endpoint: Endpoint, target: HttpDestination, status: int) -> None:
    endpoint.scripts.append(answers(status))
    await target.deliver_one(delivery(HttpOptions()))
    assert len(endpoint.received) == 1


@pytest.mark.parametrize("status", sorted({*STATUS, 299 + 200, 520, 599, 999} - {304}))
async def test_each_status_means_what_the_table_says(endpoint: Endpoint, target: HttpDestination, status: int) -> None:
    endpoint.scripts.append(answers(status))
    error = await failure(target)
    assert type(error) is STATUS.get(status, RetryableError)
    assert str(status) in str(error)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (302, DestinationDownError),
        (400, RetryableError),
        (401, DestinationDownError),
        (403, DestinationDownError),
        (404, RetryableError),
        (405, DestinationDownError),
        (410, DestinationGoneError),
        (413, BadRecordError),
        (415, RetryableError),
        (422, RetryableError),
        (429, ThrottledError),
        (431, BadRecordError),
        (500, RetryableError),
        (502, RetryableError),
        (503, DestinationDownError),
        (504, RetryableError),
    ],
)
def test_the_decisions_that_matter_most_are_these(status: int, expected: type[DeliveryError]) -> None:
    assert STATUS[status] is expected


def test_the_table_has_every_registered_status_that_is_no_success() -> None:
    assert {int(status) for status in HTTPStatus if status >= 300} <= set(STATUS)
    assert all(300 <= status < 600 for status in STATUS)


def test_the_transport_table_covers_every_error_of_the_client() -> None:
    modules = (aiohttp.client_exceptions, aiohttp.http_exceptions)
    errors = [
        error
        for module in modules
        for error in vars(module).values()
        if isinstance(error, type) and issubclass(error, Exception) and error is not aiohttp.WSMessageTypeError
    ]
    assert len(errors) > 30
    for error in errors:
        assert any(issubclass(error, foreign) for foreign, _ in TRANSPORT), error


def test_gone_is_a_kind_of_down_for_a_hub_that_does_not_know_it() -> None:
    assert issubclass(DestinationGoneError, DestinationDownError)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("7", 7),
        ("Mon, 23 Nov 2026 12:02:00 GMT", 120),
        ("Monday, 23-Nov-26 12:02:00 GMT", 120),
        ("Mon Nov 23 12:02:00 2026", 120),
        ("0", 1),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 1),
        ("86400", 3600),
        ("9" * 4000, 3600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
    ],
)
async def test_retry_after_pauses_as_long_as_asked_within_bounds(
    endpoint: Endpoint, tmp_path: Path, status: int, written: str, seconds: float
) -> None:
    endpoint.scripts.append(answers(status, {"retry-after": written}))
    config = HttpConfig.model_validate({"url": endpoint.url})
    target = HttpDestination(config, replace(context(tmp_path), clock=lambda: NOW))
    await target.open()
    error = await failure(target)
    await target.close()
    assert isinstance(error, ThrottledError)
    assert error.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written", ["", "soon", "-1", "1.5", "\u00b2", "Mon, 99 Foo 2026", "Mon, 23 Nov 2026 12:02 +9999"]
)
async def test_a_retry_after_that_says_nothing_is_none(
    endpoint: Endpoint, target: HttpDestination, written: str
) -> None:
    endpoint.scripts += [answers(status, {"Retry-After": written}) for status in (429, 503)]
    throttled = await failure(target)
    assert isinstance(throttled, ThrottledError)
    assert throttled.retry_after == timedelta(seconds=30)
    assert type(await failure(target)) is DestinationDownError


async def test_retry_after_postpones_a_record_that_is_tried_again(endpoint: Endpoint, target: HttpDestination) -> None:
    endpoint.scripts.append(answers(502, {"Retry-After": "9"}))
    error = await failure(target)
    assert isinstance(error, RetryableError)
    assert error.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://elsewhere.example/hooks/only-the-owner?token=hidden", "leads to https://elsewhere.example;"),
        ("//elsewhere.example/only-the-owner", "leads to http://elsewhere.example;"),
        ("https://user:hidden@elsewhere.example/", "leads to https://elsewhere.example;"),
        ("/hooks/only-the-sender-knows-this/", "leads to another path of the same host;"),
        ("http://[broken", "leads to nowhere;"),
        ("javascript:only-the", "leads to nowhere;"),
    ],
)
async def test_a_redirect_is_not_followed_and_shows_no_more_than_a_host(
    endpoint: Endpoint, target: HttpDestination, location: str, shown: str
) -> None:
    for status in (301, 302, 303, 307, 308):
        endpoint.scripts.append(answers(status, {"Location": location}))
        error = await failure(target)
        assert type(error) is DestinationDownError
        assert shown in str(error)
        assert "only-the" not in str(error)
        assert "hidden" not in str(error)
    assert len(endpoint.received) == 5


async def test_what_the_endpoint_says_is_shown_on_one_printable_line(
    endpoint: Endpoint, target: HttpDestination
) -> None:
    body = '{"error": "no\n\nsuch\x1b[2J \u202eorder"}'.encode() + b"\xff" * 1000
    endpoint.scripts.append(answers(400, {"Content-Type": "application/problem+json"}, body))
    message = str(await failure(target))
    assert message.startswith('the endpoint answered 400: {"error": "no such\ufffd[2J \ufffdorder"}')
    assert message.isprintable()
    assert len(message) < 300


async def test_what_people_cannot_read_is_not_shown(endpoint: Endpoint, target: HttpDestination) -> None:
    for headers in ({"Content-Type": "text/html"}, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, {}):
        endpoint.scripts.append(answers(502, headers, b"<html>Bad gateway</html>"))
        assert str(await failure(target)) == "the endpoint answered 502"


def test_a_secret_that_begins_with_another_is_hidden_whole() -> None:
    mask = Mask("abcd", "/abcdefgh?key=abcdef", "a, bc")
    assert mask("abcd abcdef abcdefgh a bc") == "(secret) (secret) (secret) a bc"
    assert Mask("", "a b")("a b") == "a b"


async def test_an_endpoint_that_repeats_what_it_was_sent_reveals_nothing(endpoint: Endpoint, opened: Opened) -> None:
    user, path = "service:sesame%21", "/hooks/only-the-sender-knows-this?sig=abc%2Bdef123"
    target = await opened(
        url=f"http://{user}@127.0.0.1:{endpoint.port}{path}",
        secrets=[SECRET],
        headers={"X-Api-Key": "k3y-of-the-api", "X-For": "team-{{ subject }}"},
    )
    await target.deliver_one(delivery(HttpOptions()))
    echo = [
        *(f"{name}: {value}" for name, value in endpoint.received[0].headers),
        SECRET,
        path,
        "sesame!",
        "abc+def123",
    ]
    for line in echo:
        endpoint.scripts.append(answers(400, {"Content-Type": "text/plain"}, f"cannot take {line}".encode()))
        message = str(await failure(target))
        assert "cannot take" in message
        for secret in ("sesame", "only-the", "abc+d", "abc%2B", "def123", "k3y-of", SECRET[6:], "c2Vydmlj"):
            assert secret not in message, line
