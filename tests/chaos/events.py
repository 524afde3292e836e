"""The events of the fault tests: what is in them, and which destination refuses which."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson
from standardwebhooks import Webhook

SOURCE = "shop"
SECRET = "whsec_" + base64.b64encode(b"a secret of the fault tests only").decode()
SUBJECTS = 200
ALERT_EVERY = 10
"""Every so manieth event is of the type that people are told of."""

WAREHOUSE, HOOKS, ALERTS, ARCHIVE = "warehouse", "hooks", "alerts", "archive"
_REFUSED = ((210, 30, ALERTS), (211, 51, HOOKS), (213, 77, WAREHOUSE))
"""Who refuses for good which events: their number modulo the first is the second. Subjects take turns."""


@dataclass(frozen=True)
class ChaosEvent:
    """Its ``number`` tells it from every other, also from those with the same ``id``."""

    id: str
    number: int
    subject: str
    body: bytes
    refused_by: str | None = None

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    def headers(self, skew: float = 0.0) -> dict[str, str]:
        """Signed now, by a sender whose clock is ``skew`` seconds fast, with the vendor's package."""
        at = datetime.fromtimestamp(datetime.now(UTC).timestamp() + skew, UTC)
        return {
            "content-type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(self.id, at, self.body.decode()),
        }


def make_event(number: int, *, name: str = "evt", reuses: ChaosEvent | None = None) -> ChaosEvent:
    """Event ``number`` of a run; ``reuses`` gives it another's id and subject, but a body of its own."""
    event_id = reuses.id if reuses else f"{name}-{number:07d}"
    subject = reuses.subject if reuses else f"subject-{number % SUBJECTS}"
    refused_by = None if reuses else _refused_by(number)
    data: dict[str, Any] = {"id": subject, "event": event_id, "n": number, "text": f"{event_id} {number}"}
    data["priority"] = _priority(number)
    if refused_by == ALERTS:
        data["text"] = ""  # Slack takes no empty message
    elif refused_by == WAREHOUSE:
        data["note"] = "\0"  # PostgreSQL has no such character
    elif refused_by == HOOKS:
        data["refuse"] = True
    body = {
        "type": "order.failed" if number % ALERT_EVERY == 0 else "order.paid",
        "timestamp": "2026-01-02T03:04:05Z",
        "data": {**data, "padding": "x" * 200},
    }
    return ChaosEvent(event_id, number, subject, orjson.dumps(body), refused_by)


def _priority(number: int) -> str:
    return "high" if number % 7 == 0 else "low" if number % 11 == 0 else "normal"


def _refused_by(number: int) -> str | None:
    return next((who for modulus, remainder, who in _REFUSED if number % modulus == remainder), None)
