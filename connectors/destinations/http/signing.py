"""Signs as Standard Webhooks 1.0.0 says, scheme ``v1``: HMAC-SHA256 over ``<id>.<timestamp>.<body>``.

The signature is our own because the ``standardwebhooks`` package signs text, and the body of an event is any bytes.
Tests hold both against each other.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from pydantic import SecretStr

from connectors.api import DeliveryKey
from connectors.sources.standard_webhooks import decode_secret

PREFIX = "webhook-"
LONGEST_ID = 500
"""Characters; receivers keep ids in columns and caches."""


def webhook_id(key: DeliveryKey) -> str:
    """The delivery's id, equal on every attempt, redrive and replay. A longer one is ``sha256:`` and its digest.

    A full stop in it is percent-encoded, as the rest of it is already: part of it is the sender's choice, and the
    specification forbids full stops there, since they delimit what is signed.
    """
    name = key.id.replace(".", "%2E")
    return name if len(name) <= LONGEST_ID else "sha256:" + hashlib.sha256(key.id.encode()).hexdigest()


class Signer:
    """Signs with every secret, so that a receiver may know either during a rotation; with none it only names."""

    def __init__(self, secrets: Sequence[SecretStr]) -> None:
        self._keys = tuple(decode_secret(secret) for secret in secrets)

    def headers(self, key: DeliveryKey, body: bytes, now: datetime) -> dict[str, str]:
        """The ``webhook-*`` headers of an attempt made at ``now``."""
        name, timestamp = webhook_id(key), str(int(now.timestamp()))
        signed = f"{name}.{timestamp}.".encode() + body
        headers = {"webhook-id": name, "webhook-timestamp": timestamp}
        if self._keys:
            headers["webhook-signature"] = " ".join(_v1(key, signed) for key in self._keys)
        return headers


def _v1(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
