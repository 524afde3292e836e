"""What the demo sends: the nine Gemini event shapes, and orders of a shop, signed as a real sender signs them."""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from standardwebhooks.webhooks import Webhook

from connectors.api import Context, OutgoingHttp, SampleSender
from hub.config.model import Configuration
from schemas.event import JsonObject


@dataclass(frozen=True, slots=True)
class Signed:
    """One webhook, ready to post. ``id`` is its webhook-id; ``alerts``: by the demo's rules, people hear of it."""

    source: str
    type: str
    id: str
    body: bytes
    headers: Mapping[str, str]
    alerts: bool


def signed_events(configuration: Configuration, secret: Callable[[str], str]) -> list[Signed]:
    """One event of each Gemini type, and the orders."""
    entry = configuration.sources["gemini"]
    context = Context(entry.name, Path(), logging.getLogger(__name__), OutgoingHttp())
    gemini = entry.connector(entry.config, context)
    assert isinstance(gemini, SampleSender)
    now = datetime.now(UTC)
    jobs = [gemini.sample(event_type, now) for event_type in gemini.sample_types()]
    return [
        *(sign("gemini", secret("gemini"), job, alerts=job["type"].endswith(".failed")) for job in jobs),
        *(sign("shop", secret("shop"), order, alerts=order["data"]["priority"] == "high") for order in orders(now)),
    ]


def sign(source: str, secret: str, payload: JsonObject, *, alerts: bool) -> Signed:
    """Sign with the ``standardwebhooks`` package, so that not both ends of the demo are the hub's code."""
    now = datetime.now(UTC)
    webhook_id = f"msg_{uuid.uuid4().hex}"
    body = orjson.dumps(payload)
    headers = {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, now, body.decode()),
    }
    return Signed(source, str(payload["type"]), webhook_id, body, headers, alerts=alerts)


def orders(now: datetime) -> list[JsonObject]:
    """Payloads of the shop: one urgent order, two that nobody is woken for."""
    timestamp = now.isoformat().replace("+00:00", "Z")
    placed = [
        ("order.placed", {"customer": "Ada", "total": 99.5, "team": "sales", "priority": "high"}),
        ("order.placed", {"customer": "Grace", "total": 12, "team": "sales", "priority": "low"}),
        ("order.shipped", {"customer": "Edsger", "total": 7, "team": "logistics", "priority": "low"}),
    ]
    return [{"type": event_type, "timestamp": timestamp, "data": data} for event_type, data in placed]
