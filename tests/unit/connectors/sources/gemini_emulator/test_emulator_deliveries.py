"""At least once, for 24 hours, signed anew each time: as Google documents its webhooks."""

import json
import logging
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook as Verifier

from connectors.api import Context, OutgoingHttp, Request
from connectors.context import utc_now
from connectors.sources.gemini import GeminiConfig, GeminiSource
from connectors.sources.gemini.emulator.lifecycle import EVENT_TYPES, IdForm, MetadataPlace
from connectors.sources.gemini.emulator.records import DeliveryState, WebhookState
from connectors.sources.gemini.emulator.requests import RotateSecret, UpdateWebhook
from connectors.sources.gemini.emulator.schedule import DELAYS, LIFETIME, next_attempt
from connectors.sources.gemini.emulator.sender import seconds_of
from connectors.sources.gemini.emulator.targets import is_allowed
from connectors.sources.gemini.events import EVENT_TYPES as CATALOGUE
from tests.fixtures.emulator_process import until
from tests.fixtures.endpoint import Endpoint, Received, answers, begins, hang
from tests.fixtures.gemini_emulator import BATCH_TIME, Wall, after, deliveries, emulating, register, start_batch

DAY = 24 * 3600.0
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


def headers(received: Received) -> dict[str, str]:
    return {name: received.header(name) or "" for name in SIGNED}


def verifies(secret: str, received: Received) -> bool:
    try:
        Verifier(secret).verify(received.body, headers(received))
    except Exception:  # noqa: BLE001  (the package has no one exception for "no")
        return False
    return True


async def test_a_job_s_end_is_told_to_the_webhooks_that_subscribed_to_it(tmp_path: Path) -> None:
    async with Endpoint() as told, Endpoint() as other, emulating(tmp_path) as emulator:
        _, secret = register(emulator, told.url)
        register(emulator, other.url, "video.generated")
        job = start_batch(emulator)
        await after(emulator, BATCH_TIME - 1)
        assert told.received == []
        await after(emulator, 2)
    [received] = told.received
    assert other.received == []
    assert verifies(secret, received)
    body = json.loads(received.body)
    assert body.pop("timestamp").endswith("Z")
    assert body == {"type": "batch.succeeded", "version": "v1", "data": {"id": job.name}}


async def test_the_hub_s_source_takes_what_it_sends(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        _, secret = register(emulator, endpoint.url)
        job = start_batch(emulator)
        await after(emulator, BATCH_TIME)
    [received] = endpoint.received
    context = Context("gemini", tmp_path, logging.getLogger(), OutgoingHttp())
    source = GeminiSource(GeminiConfig(secrets=(SecretStr(secret),)), context)
    request = Request("POST", "http://hub/in/gemini", "", received.headers, received.body)
    await source.verify(request, utc_now())
    [event] = source.describe(request)
    assert event.type == "batch.succeeded"
    assert event.id == received.header("webhook-id")
    assert event.subject == job.name.removeprefix("batches/")


def test_every_type_of_the_catalogue_is_there_and_no_other() -> None:
    assert set(EVENT_TYPES) == set(CATALOGUE)


async def test_a_slow_receiver_does_not_hold_up_another_one(tmp_path: Path) -> None:
    async with Endpoint() as slow, Endpoint() as endpoint, emulating(tmp_path) as emulator:
        slow.scripts.append(begins(b"", hang))
        for uri in (slow.url, endpoint.url):
            start_batch(emulator, uri)
        emulator.advance(BATCH_TIME)
        expected = [DeliveryState.PENDING, DeliveryState.DELIVERED]
        await until(lambda: [each.state for each in deliveries(emulator)] == expected)


async def test_a_failed_job_says_why(tmp_path: Path) -> None:
    async with (
        Endpoint() as endpoint,
        emulating(tmp_path, outcomes={"fail": 1.0}, id_form=IdForm.LAST_PART) as emulator,
    ):
        register(emulator, endpoint.url)
        job = start_batch(emulator)
        await after(emulator, BATCH_TIME)
    body = json.loads(endpoint.received[0].body)
    assert body["type"] == "batch.failed"
    assert body["data"]["id"] == job.name.removeprefix("batches/")
    assert body["data"]["error_code"] == "INTERNAL"
    assert body["data"]["error_message"]


@pytest.mark.parametrize("place", MetadataPlace)
async def test_a_job_s_own_uris_take_the_place_of_the_registered_ones(tmp_path: Path, place: MetadataPlace) -> None:
    async with Endpoint() as own, Endpoint() as registered, emulating(tmp_path, metadata_place=place) as emulator:
        register(emulator, registered.url)
        start_batch(emulator, own.url, f"{own.url}/2", metadata={"priority": "high"})
        await after(emulator, BATCH_TIME)
    assert registered.received == []
    first, second = own.received
    assert first.header("webhook-id") == second.header("webhook-id")
    body = json.loads(first.body)
    assert (body if place is MetadataPlace.TOP else body["data"])["user_metadata"] == {"priority": "high"}
    assert "user_metadata" not in (body["data"] if place is MetadataPlace.TOP else body)


async def test_a_refused_delivery_is_repeated_on_schedule_and_signed_anew(tmp_path: Path) -> None:
    wall = Wall()
    async with Endpoint() as endpoint, emulating(tmp_path, wall=wall) as emulator:
        endpoint.scripts.extend([answers(500), answers(400), answers(302, {"location": endpoint.url})])
        _, secret = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        for number, delay in enumerate(DELAYS[:3], start=1):
            assert len(endpoint.received) == number
            await after(emulator, delay - 1)
            assert len(endpoint.received) == number, "it came before its time"
            wall.now += 2
            await after(emulator, delay * 0.1)
        await after(emulator, DAY)
    assert len(endpoint.received) == 4
    assert all(verifies(secret, received) for received in endpoint.received)
    assert len({received.body for received in endpoint.received}) == 1
    assert len({received.header("webhook-id") for received in endpoint.received}) == 1
    stamps = [int(received.header("webhook-timestamp") or 0) for received in endpoint.received]
    assert [later - earlier for earlier, later in pairwise(stamps)] == [2, 2, 2]
    assert len({received.header("webhook-signature") for received in endpoint.received}) == 4


def test_retries_end_after_24_hours() -> None:
    now, failures, waits = 0.0, 0, []
    while True:
        failures += 1
        due = next_attempt(failures=failures, since=0, now=now, chance=0.0)
        if due is None:
            break
        waits.append(due - now)
        now = due
    assert waits == list(DELAYS)
    assert now <= LIFETIME < now + DELAYS[-1]
    assert next_attempt(failures=1, since=0, now=0, chance=0.999) == pytest.approx(5.5, abs=0.01)


async def test_lasting_failure_disables_a_webhook_until_it_is_enabled_again(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, disable_after=2) as emulator:
        endpoint.scripts.extend([answers(503)] * 14)
        webhook, _ = register(emulator, endpoint.url)
        for expected in (WebhookState.ENABLED, WebhookState.FAILED):
            start_batch(emulator)
            await after(emulator, BATCH_TIME)
            for delay in DELAYS:
                await after(emulator, delay * 1.1)
            assert emulator.webhooks.get(webhook.id).state is expected
        assert [each.state for each in deliveries(emulator)] == [DeliveryState.GIVEN_UP] * 2
        assert len(endpoint.received) == 14

        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        assert len(endpoint.received) == 14, "a disabled webhook was called"

        emulator.webhooks.update(webhook.id, UpdateWebhook(state=WebhookState.ENABLED))
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        assert len(endpoint.received) == 15
        assert emulator.webhooks.get(webhook.id).given_up == 0


async def test_410_disables_a_webhook_at_once(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        endpoint.scripts.append(answers(410, body=b"no such hook"))
        webhook, _ = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        await after(emulator, DAY)
        assert emulator.webhooks.get(webhook.id).state is WebhookState.DISABLED
        [delivery] = deliveries(emulator)
        assert delivery.state is DeliveryState.DROPPED
        assert delivery.attempts[0].answer == "no such hook"
    assert len(endpoint.received) == 1


async def test_what_is_pending_for_a_deleted_webhook_is_dropped(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        endpoint.scripts.append(answers(500))
        webhook, _ = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        emulator.webhooks.delete(webhook.id)
        await after(emulator, DAY)
        assert [each.reason for each in deliveries(emulator)] == ["the webhook was deleted"]
    assert len(endpoint.received) == 1


async def test_retry_after_is_obeyed_in_the_receiver_s_seconds(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, speed=60) as emulator:
        endpoint.scripts.append(answers(429, {"retry-after": "30"}))
        register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        await after(emulator, 30 * 60 - 1)
        assert len(endpoint.received) == 1
        await after(emulator, 2)
        assert len(endpoint.received) == 2


def test_a_retry_after_may_be_a_date_or_nonsense() -> None:
    assert seconds_of("Wed, 25 Nov 2026 07:00:30 GMT", 1795590000.0) == 30
    assert seconds_of("Wed, 25 Nov 2020 07:00:30 GMT", 1795590000.0) == 0
    assert seconds_of("soon", 0) is seconds_of("-5", 0) is seconds_of(None, 0) is None


async def test_no_answer_is_a_failure(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, timeout=0.2) as emulator:
        endpoint.scripts.append(begins(b"", hang))
        register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        [delivery] = deliveries(emulator)
    assert [attempt.error for attempt in delivery.attempts] == ["no answer within 0.2 s"]
    assert delivery.state is DeliveryState.PENDING


async def test_both_secrets_sign_for_a_day_after_a_rotation(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        webhook, old = register(emulator, endpoint.url)
        new = emulator.webhooks.rotate(webhook.id, RotateSecret())
        emulator.deliveries.ping(webhook)
        await after(emulator, 0)
        assert verifies(old, endpoint.received[-1])
        assert verifies(new, endpoint.received[-1])
        assert [secret.expires is None for secret in emulator.webhooks.get(webhook.id).secrets] == [False, True]

        await after(emulator, DAY)
        emulator.deliveries.ping(webhook)
        await after(emulator, 0)
        assert not verifies(old, endpoint.received[-1])
        assert verifies(new, endpoint.received[-1])

        newest = emulator.webhooks.rotate(
            webhook.id, RotateSecret(revocation_behavior="REVOKE_PREVIOUS_SECRETS_IMMEDIATELY")
        )
        emulator.deliveries.ping(webhook)
        await after(emulator, 0)
        assert not verifies(new, endpoint.received[-1])
        assert verifies(newest, endpoint.received[-1])


async def test_a_receiver_elsewhere_is_never_called(tmp_path: Path) -> None:
    async with emulating(tmp_path) as emulator:
        start_batch(emulator, "https://192.0.2.1/hook", "https://169.254.169.254/latest")
        await after(emulator, BATCH_TIME)
        errors = [attempt.error or "" for each in deliveries(emulator) for attempt in each.attempts]
    assert len(errors) == 2
    assert all("only loopback; --allow-public-targets opens it" in error for error in errors)


@pytest.mark.parametrize(
    ("address", "alone", "public"),
    [
        ("127.0.0.1", True, True),
        ("::1", True, True),
        ("::ffff:127.0.0.1", True, True),
        ("8.8.8.8", False, True),
        ("10.0.0.1", False, False),
        ("169.254.169.254", False, False),
        ("::ffff:10.0.0.1", False, False),
        ("0.0.0.0", False, False),
    ],
)
def test_targets_are_this_machine_or_the_internet_never_a_private_network(
    address: str, alone: bool, public: bool
) -> None:
    assert is_allowed(address, public=False) is alone
    assert is_allowed(address, public=True) is public
