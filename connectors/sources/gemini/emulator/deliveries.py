"""What is to be sent to whom, and what an answer means for it. Nothing is sent here."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sources.gemini.emulator.clock import Clock
from connectors.sources.gemini.emulator.faults import Fault, Faults, chance, held_back, of_event
from connectors.sources.gemini.emulator.lifecycle import PING, event_body, event_type, ping_body
from connectors.sources.gemini.emulator.records import Attempt, Delivery, DeliveryState, Job, Webhook, WebhookState
from connectors.sources.gemini.emulator.schedule import next_attempt
from connectors.sources.gemini.emulator.settings import Settings
from connectors.sources.gemini.emulator.store import Store
from connectors.sources.gemini.emulator.webhooks import Webhooks

_GONE = 410


class Deliveries:
    """``faults`` may be replaced while it runs; what has been decided stays."""

    def __init__(self, store: Store, clock: Clock, webhooks: Webhooks, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._webhooks = webhooks
        self._settings = settings
        self.faults: Faults = dict(settings.faults)

    def announce(self, job: Job) -> None:
        """Tell of a job's end: to its own URIs if it has some, else to the registered webhooks that subscribed.

        To be called in the transaction that ends the job, so that neither is on disk without the other.
        """
        kind = event_type(job)
        if kind is None:
            return
        body = event_body(
            job,
            base_url=self._settings.base_url,
            place=self._settings.metadata_place,
            form=self._settings.id_form,
        )
        targets: list[tuple[str, str | None]] = (
            [(uri, None) for uri in job.webhook.uris]
            if job.webhook and job.webhook.uris
            else [(webhook.uri, webhook.id) for webhook in self._webhooks.subscribed(kind)]
        )
        message_id = _new_message_id()
        for uri, webhook in targets:
            self._add(message_id, job.name, kind, body, uri, webhook)

    def ping(self, webhook: Webhook) -> None:
        """Send a test event, whatever the webhook's state and subscriptions."""
        body = ping_body(webhook.id, self._clock.wall())
        self._add(_new_message_id(), "", PING, body, webhook.uri, webhook.id)

    def due(self, limit: int) -> Sequence[Delivery]:
        """So many of those to be attempted now. Those whose webhook is disabled or deleted are dropped on the way."""
        with self._store.transaction():
            while True:
                found = self._store.due(Delivery, self._clock.now(), limit)
                dropped = [(delivery, reason) for delivery in found if (reason := self._obstacle(delivery))]
                if not dropped:
                    return found
                for delivery, reason in dropped:
                    self._store.put(delivery.model_copy(update={"state": DeliveryState.DROPPED, "reason": reason}))

    def settle(self, delivery: Delivery, attempt: Attempt, retry_after: float | None) -> Delivery:
        """Keep an attempt and decide how it goes on. ``retry_after``: real seconds, as the receiver counts."""
        tried = delivery.model_copy(update={"attempts": (*delivery.attempts, attempt)})
        with self._store.transaction():
            settled = tried.model_copy(update=self._decide(tried, attempt, retry_after))
            self._store.put(settled)
            if settled.webhook is not None and settled.event_type != PING:
                self._tell_webhook(settled, attempt)
        return settled

    def page(self, size: int, before: int | None) -> tuple[list[Delivery], int | None]:
        return self._store.page(Delivery, size, before=before)

    def _decide(self, delivery: Delivery, attempt: Attempt, retry_after: float | None) -> Mapping[str, Any]:
        if attempt.status is not None and 200 <= attempt.status < 300:
            return {"state": DeliveryState.DELIVERED}
        if attempt.status == _GONE:
            return {"state": DeliveryState.DROPPED, "reason": "answered 410 Gone"}
        failures = len(delivery.attempts)
        due = next_attempt(
            failures=failures,
            since=delivery.since,
            now=self._clock.now(),
            chance=chance(self._settings.seed, "jitter", delivery.number, failures),
            retry_after=retry_after * self._clock.speed if retry_after else None,
        )
        if due is None:
            return {"state": DeliveryState.GIVEN_UP, "reason": "not accepted within 24 hours"}
        return {"due": due}

    def _tell_webhook(self, delivery: Delivery, attempt: Attempt) -> None:
        assert delivery.webhook is not None
        if delivery.state is DeliveryState.DELIVERED:
            self._webhooks.succeeded(delivery.webhook)
        elif attempt.status == _GONE:
            self._webhooks.gone(delivery.webhook)
        elif delivery.state is DeliveryState.GIVEN_UP:
            self._webhooks.given_up(delivery.webhook, disable_after=self._settings.disable_after)

    def _obstacle(self, delivery: Delivery) -> str | None:
        if delivery.webhook is None:
            return None
        webhook = self._webhooks.find(delivery.webhook)
        if webhook is None:
            return "the webhook was deleted"
        if webhook.state is not WebhookState.ENABLED and delivery.event_type != PING:
            return f"the webhook is {webhook.state.value}"
        return None

    def _add(
        self, message_id: str, job: str, kind: str, body: Mapping[str, Any], uri: str, webhook: str | None
    ) -> None:
        with self._store.transaction():
            now = self._clock.now()
            number = self._store.next_number("delivery")
            faults = of_event(self.faults, self._settings.seed, number)
            first = Delivery(
                number=number,
                message_id=message_id,
                job=job,
                event_type=kind,
                uri=uri,
                webhook=webhook,
                body=json.dumps(body, ensure_ascii=False, separators=(",", ":")),
                since=now,
                due=now + held_back(self._settings.seed, number) if Fault.REORDER in faults else now,
            )
            if Fault.LOST in faults:
                first = first.model_copy(update={"state": DeliveryState.LOST, "reason": "the fault that was asked for"})
            elif Fault.DUPLICATE in faults:
                again = self._store.next_number("delivery")
                self._store.put(first.model_copy(update={"number": again, "duplicate": True}))
            self._store.put(first)


def _new_message_id() -> str:
    return f"msg_{uuid.uuid4().hex}"
