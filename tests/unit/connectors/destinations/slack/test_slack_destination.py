"""Slack through its own SDK, against an endpoint that answers as Slack does."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import ValidationError

from connectors.api import (
    BadRecordError,
    DeliveryError,
    DestinationDownError,
    RetryableError,
    Template,
    ThrottledError,
)
from connectors.destinations.slack import SlackConfig, SlackDestination, SlackOptions, destination
from connectors.destinations.slack.errors import TRANSPORT, WEB_API, WEBHOOK
from connectors.testing import context, delivery
from tests.fake_slack import TOKEN, WEBHOOK_PATH, FakeSlack

ALERTS = "C0123456789"


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


@pytest.fixture
async def webhook(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[SlackDestination]:
    target = SlackDestination(SlackConfig.model_validate({"webhook_url": slack.webhook_url}), context(tmp_path))
    await target.open()
    yield target
    await target.close()


@pytest.fixture
async def api(slack: FakeSlack, tmp_path: Path) -> AsyncIterator[SlackDestination]:
    target = SlackDestination(api_config(slack), context(tmp_path))
    await target.open()
    yield target
    await target.close()


def api_config(slack: FakeSlack, **changes: Any) -> SlackConfig:
    return SlackConfig.model_validate({"token": TOKEN, "channel": ALERTS, "api_url": slack.api_url, **changes})


async def failure(target: SlackDestination, options: SlackOptions | None = None, **event: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await target.deliver_one(delivery(options or SlackOptions(), **event))
    return caught.value


async def test_a_webhook_delivers_the_rendered_text(slack: FakeSlack, webhook: SlackDestination) -> None:
    await webhook.deliver_one(delivery(SlackOptions(text=Template("Job {{ subject }} cost {{ data.amount }}"))))
    assert [message.text for message in slack.messages] == ["Job batches/1 cost 1"]
    assert slack.messages[0].payload["unfurl_links"] is False


async def test_the_web_api_posts_to_the_channel_of_the_route(slack: FakeSlack, api: SlackDestination) -> None:
    await api.deliver_one(delivery(SlackOptions()))
    await api.deliver_one(delivery(SlackOptions(channel=Template("#{{ metadata.team }}")), metadata={"team": "alerts"}))
    assert [(message.channel, message.text) for message in slack.messages] == [
        (ALERTS, "*batch.succeeded* from gemini: batches/1"),
        ("#alerts", "*batch.succeeded* from gemini: batches/1"),
    ]
    assert slack.messages[0].payload["parse"] == "none"


async def test_an_event_cannot_mention_anybody(slack: FakeSlack, webhook: SlackDestination) -> None:
    event = {"say": "<!channel> <@U1> & <https://evil|ok> @here", "url": "!channel"}
    text = Template("<!here> {{ metadata.say }} <{{ metadata.url }}|open>")
    await webhook.deliver_one(delivery(SlackOptions(text=text), metadata=event))
    sent = slack.messages[0].text
    assert sent.startswith("<!here> "), "the author's own mention stays"
    event_part = sent.removeprefix("<!here> ")
    assert "<!" not in event_part.replace("<!\u2060", "")
    assert "&lt;!channel&gt; &lt;@U1&gt; &amp; &lt;https://evil|ok&gt; @\u2060here" in event_part


async def test_a_text_that_is_too_long_is_shortened_between_entities(slack: FakeSlack, api: SlackDestination) -> None:
    for filler in ("x", "&", "<", "&x"):
        await api.deliver_one(
            delivery(SlackOptions(text=Template("{{ metadata.t }}")), metadata={"t": filler * 50_000})
        )
        text = slack.messages[-1].text
        assert len(text) <= 40_000
        assert text.endswith("…")
        assert text.removesuffix("…").replace("&amp;", "").replace("&lt;", "").strip("x") == ""


async def test_429_pauses_the_destination_as_long_as_slack_asks(slack: FakeSlack, webhook: SlackDestination) -> None:
    waits: dict[str | None, float] = {"7": 7, None: 30, "soon": 30, "-1": 30, "9" * 4000: 3600, "0": 0}
    for header, seconds in waits.items():
        headers = {} if header is None else {"Retry-After": header}
        slack.answers.append(web.Response(status=429, headers=headers, text="rate_limited"))
        error = await failure(webhook)
        assert isinstance(error, ThrottledError)
        assert error.retry_after == timedelta(seconds=seconds), header
    assert slack.requests == len(waits), "the SDK must not try again by itself"


async def test_429_of_the_web_api_is_throttling_too(slack: FakeSlack, api: SlackDestination) -> None:
    limited = {"ok": False, "error": "ratelimited"}
    slack.answers.append(web.json_response(limited, status=429, headers={"Retry-After": "3"}))
    error = await failure(api)
    assert isinstance(error, ThrottledError)
    assert error.retry_after == timedelta(seconds=3)


@pytest.mark.parametrize("code", sorted(WEB_API))
async def test_each_error_of_the_web_api_means_what_the_table_says(
    slack: FakeSlack, api: SlackDestination, code: str
) -> None:
    slack.answers.append(web.json_response({"ok": False, "error": code}))
    error = await failure(api)
    assert type(error) is WEB_API[code]
    assert code in str(error)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_payload"),
        (400, "invalid_blocks"),
        (400, "invalid_blocks_format"),
        (400, "missing_text_or_fallback_or_attachments"),
        (400, "no_text"),
        (400, "too_many_attachments"),
        (400, "user_not_found"),
        (403, "action_prohibited"),
        (403, "invalid_token"),
        (403, "posting_to_general_channel_denied"),
        (403, "team_disabled"),
        (404, "channel_not_found"),
        (404, "no_active_hooks"),
        (404, "no_service"),
        (404, "no_service_id"),
        (404, "no_team"),
        (410, "channel_is_archived"),
        (429, "rate_limited"),
        (500, "rollup_error"),
    ],
)
async def test_each_error_of_a_webhook_means_what_the_table_says(
    slack: FakeSlack, webhook: SlackDestination, status: int, code: str
) -> None:
    slack.answers.append(web.Response(status=status, text=code))
    assert type(await failure(webhook)) is WEBHOOK[code]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, DestinationDownError),
        (302, DestinationDownError),
        (400, BadRecordError),
        (401, DestinationDownError),
        (403, DestinationDownError),
        (404, DestinationDownError),
        (405, DestinationDownError),
        (408, RetryableError),
        (410, DestinationDownError),
        (413, BadRecordError),
        (500, RetryableError),
        (502, RetryableError),
        (503, DestinationDownError),
        (504, RetryableError),
    ],
)
async def test_an_answer_that_is_not_slacks_is_judged_by_its_status(
    slack: FakeSlack, webhook: SlackDestination, api: SlackDestination, status: int, expected: type[DeliveryError]
) -> None:
    slack.answers.append(web.Response(status=status, text="<html>a proxy</html>", content_type="text/html"))
    slack.answers.append(web.Response(status=status, text="<html>a proxy</html>", content_type="text/html"))
    assert type(await failure(webhook)) is expected
    assert type(await failure(api)) is expected


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"ok": true', b'{"ok": 0}', b'"ok"', b"\xff\xfe"])
@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/gzip"])
async def test_a_broken_answer_of_the_web_api_is_tried_again(
    slack: FakeSlack, api: SlackDestination, body: bytes, media_type: str
) -> None:
    slack.answers.append(web.Response(body=body, content_type=media_type))
    assert isinstance(await failure(api), RetryableError)


async def test_a_redirect_is_never_taken_for_success(slack: FakeSlack, webhook: SlackDestination) -> None:
    slack.answers.append(web.Response(status=302, headers={"Location": "https://slack.com/signin"}))
    assert isinstance(await failure(webhook), DestinationDownError)
    assert slack.messages == []


async def test_nobody_listening_means_down(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    config = SlackConfig.model_validate({"webhook_url": f"http://127.0.0.1:{port}{WEBHOOK_PATH}"})
    target = SlackDestination(config, context(tmp_path))
    await target.open()
    error = await failure(target)
    await target.close()
    assert isinstance(error, DestinationDownError)
    assert "only-the-sender-knows-this" not in str(error)


async def test_a_slack_that_hangs_is_given_up_before_the_hub_does(
    slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=30) > destination._REQUEST_TIMEOUT, "30 s is the hub's own default"
    monkeypatch.setattr(destination, "_REQUEST_TIMEOUT", timedelta(milliseconds=100))
    slack.hang = asyncio.Event()
    target = SlackDestination(SlackConfig.model_validate({"webhook_url": slack.webhook_url}), context(tmp_path))
    await target.open()
    error = await failure(target)
    await target.close()
    assert isinstance(error, RetryableError)


async def test_a_connection_that_breaks_is_tried_again(tmp_path: Path) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        target = SlackDestination(
            SlackConfig.model_validate({"webhook_url": f"http://127.0.0.1:{port}/x"}), context(tmp_path)
        )
        await target.open()
        error = await failure(target)
        await target.close()
    assert isinstance(error, RetryableError)


async def test_a_private_address_is_refused_unless_allowed(slack: FakeSlack, tmp_path: Path) -> None:
    config = SlackConfig.model_validate({"webhook_url": slack.webhook_url})
    target = SlackDestination(config, context(tmp_path, allow_private=False))
    await target.open()
    error = await failure(target)
    await target.close()
    assert isinstance(error, DestinationDownError)
    assert "HUB_ALLOW_PRIVATE" in str(error)
    assert slack.requests == 0


async def test_a_proxy_of_the_environment_does_not_open_a_way_around_the_guard(
    slack: FakeSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for config in (SlackConfig.model_validate({"webhook_url": slack.webhook_url}), api_config(slack)):
        target = SlackDestination(config, context(tmp_path))
        await target.open()
        await target.deliver_one(delivery(SlackOptions()))
        await target.close()
    assert len(slack.messages) == 2


async def test_open_says_when_the_token_is_not_accepted(slack: FakeSlack, tmp_path: Path) -> None:
    target = SlackDestination(api_config(slack, token="xoxb-another"), context(tmp_path))
    with pytest.raises(DestinationDownError, match="invalid_auth"):
        await target.open()
    await target.close()


async def test_open_is_down_whatever_slack_says(slack: FakeSlack, tmp_path: Path) -> None:
    slack.answers.append(web.Response(status=500))
    target = SlackDestination(api_config(slack), context(tmp_path))
    with pytest.raises(DestinationDownError):
        await target.open()
    await target.close()


async def test_no_secret_is_shown_or_logged(slack: FakeSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("slack_sdk").setLevel(logging.DEBUG)
    for config in (SlackConfig.model_validate({"webhook_url": slack.webhook_url}), api_config(slack)):
        target = SlackDestination(config, context(tmp_path))
        await target.open()
        await target.deliver_one(delivery(SlackOptions()))
        slack.answers.append(web.Response(status=500))
        error = await failure(target)
        await target.close()
        shown = f"{caplog.text} {config!r} {target!r} {error!r} {error.__cause__!r}"
        assert "only-the" not in shown


async def test_a_message_without_text_or_channel_is_a_bad_record(slack: FakeSlack, tmp_path: Path) -> None:
    target = SlackDestination(api_config(slack, channel=None), context(tmp_path))
    await target.open()
    assert isinstance(await failure(target), BadRecordError)
    empty = SlackOptions(text=Template(" {{ metadata.nothing }}"), channel=Template(ALERTS))
    assert isinstance(await failure(target, empty), BadRecordError)
    await target.close()


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"webhook_url": "https://hooks.slack.com/x", "token": "xoxb-1"},
        {"webhook_url": "hooks.slack.com/x"},
        {"token": "two words"},
        {"token": ""},
        {"token": "x", "api_url": "slack.com"},
        {"webhook_url": "https://x", "text": "{{ open"},
        {"webhook_url": "https://x", "text": 5},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(config: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError):
        SlackConfig.model_validate(config)


def test_the_transport_table_covers_every_error_of_the_client() -> None:
    client_errors = [
        error
        for error in vars(aiohttp.client_exceptions).values()
        if isinstance(error, type) and issubclass(error, Exception) and error is not aiohttp.WSMessageTypeError
    ]
    assert len(client_errors) > 20
    for error in client_errors:
        assert any(issubclass(error, foreign) for foreign, _ in TRANSPORT), error
