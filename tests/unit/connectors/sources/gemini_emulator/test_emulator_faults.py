"""Each fault does what it says, as often as it was asked for, and the same seed gives the same run."""

import json
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from connectors.sources.gemini.emulator.faults import HELD_BACK, Fault, of_attempt, of_event, parse_faults
from connectors.sources.gemini.emulator.records import DeliveryState
from connectors.sources.gemini.emulator.schedule import DELAYS
from tests.fixtures.endpoint import Endpoint, Received, answers
from tests.fixtures.gemini_emulator import BATCH_TIME, after, deliveries, emulating, register, start_batch


def verify(secret: str, received: Received) -> None:
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    Verifier(secret).verify(received.body, {name: received.header(name) or "" for name in names})


async def test_a_duplicate_is_the_same_event_twice(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, faults={Fault.DUPLICATE: 1.0}) as emulator:
        _, secret = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        assert sorted(each.duplicate for each in deliveries(emulator)) == [False, True]
    first, second = endpoint.received
    assert first.body == second.body
    assert first.header("webhook-id") == second.header("webhook-id")
    verify(secret, second)


async def test_a_lost_event_is_never_sent_and_its_job_has_ended(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, faults={Fault.LOST: 1.0}) as emulator:
        register(emulator, endpoint.url)
        job = start_batch(emulator)
        await after(emulator, BATCH_TIME)
        await after(emulator, 24 * 3600)
        assert [each.state for each in deliveries(emulator)] == [DeliveryState.LOST]
        assert emulator.jobs.get(job.name).outcome == "succeed"
    assert endpoint.received == []


async def test_reordered_events_are_overtaken_by_later_ones(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, faults={Fault.REORDER: 1.0}) as emulator:
        register(emulator, endpoint.url)
        held = start_batch(emulator)
        await after(emulator, BATCH_TIME)
        assert endpoint.received == []
        emulator.set_faults({})
        later = start_batch(emulator)
        emulator.jobs.finish(later, later.planned)
        await after(emulator, 0)
        await after(emulator, HELD_BACK[1])
    assert [json.loads(each.body)["data"]["id"] for each in endpoint.received] == [later.name, held.name]


@pytest.mark.parametrize("fault", [Fault.WRONG_SIGNATURE, Fault.WRONG_KEY])
async def test_a_wrong_signature_is_refused_and_the_repetition_is_right(tmp_path: Path, fault: Fault) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, faults={fault: 1.0}) as emulator:
        endpoint.scripts.append(answers(401))
        _, secret = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        emulator.set_faults({})
        await after(emulator, DELAYS[0] * 1.1)
        [delivery] = deliveries(emulator)
    wrong, right = endpoint.received
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        verify(secret, wrong)
    verify(secret, right)
    assert [attempt.fault for attempt in delivery.attempts] == [fault, None]


async def test_a_stale_timestamp_is_signed_properly_and_too_old(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, faults={Fault.STALE_TIMESTAMP: 1.0}) as emulator:
        _, secret = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
    with pytest.raises(WebhookVerificationError, match="too old"):
        verify(secret, endpoint.received[0])


async def test_a_slow_webhook_outlasts_a_receiver_s_patience_and_arrives_whole(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path, faults={Fault.SLOW: 1.0}, slow_for=0.2) as emulator:
        _, secret = register(emulator, endpoint.url)
        start_batch(emulator)
        await after(emulator, BATCH_TIME)
        [delivery] = deliveries(emulator)
    verify(secret, endpoint.received[0])
    assert delivery.attempts[0].seconds > 0.15
    assert delivery.state is DeliveryState.DELIVERED


def test_a_seed_decides_everything_and_probabilities_hold() -> None:
    faults = {Fault.DUPLICATE: 0.1, Fault.LOST: 0.05, Fault.WRONG_KEY: 0.2}
    runs = [[of_event(faults, seed, number) for number in range(10_000)] for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert sum(Fault.DUPLICATE in found for found in runs[0]) == pytest.approx(1000, rel=0.15)
    assert sum(Fault.LOST in found for found in runs[0]) == pytest.approx(500, rel=0.2)
    wrong = [of_attempt(faults, 1, number, 1) for number in range(10_000)]
    assert sum(found is Fault.WRONG_KEY for found in wrong) == pytest.approx(2000, rel=0.1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("duplicat=0.1", "did you mean duplicate"),
        ("lost", "needs a probability, like lost=0.1"),
        ("lost=2", "write a number from 0 to 1"),
        ("lost=often", "write a number from 0 to 1"),
        ("lost=nan", "write a number from 0 to 1"),
    ],
)
def test_a_misspelt_fault_says_what_is_right(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_faults(text)
    assert parse_faults(" duplicate=0.1, lost=1 ,") == {Fault.DUPLICATE: 0.1, Fault.LOST: 1.0}
