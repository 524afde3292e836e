"""Standard Webhooks ``v1a``: Ed25519 over ``{webhook-id}.{webhook-timestamp}.{body}``.

That is how Gemini signs dynamic webhooks, as seen in deliveries; its documentation says otherwise (`token`). A
signature names no key, so each known one is tried.
"""

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from connectors.api import MalformedRequestError, Request, Verified
from connectors.sources.key_set import KeySet
from connectors.sources.standard_webhooks import check_timestamp, signatures

SCHEME = "standard-webhooks-v1a"

_MOST_SIGNATURES = 4  # a rotation takes two; each costs one check per key, and anybody can send them
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What is to be checked, once there are keys."""

    signed: bytes
    candidates: tuple[bytes, ...]

    def matched(self, keys: KeySet) -> Verified | None:
        """The evidence; None where none of the keys made a signature."""
        for key in keys.ed25519:
            if any(_made(key.ed25519, candidate, self.signed) for candidate in self.candidates):
                return Verified(SCHEME, key.thumbprint, key.jwk)
        return None


def read_signed(request: Request, tolerance: float, now: datetime) -> SignedRequest:
    """Everything about a request that can be judged without keys. ``tolerance`` is in seconds.

    Raises:
        MalformedRequestError, BadSignatureError
    """
    message_id = request.required_header("webhook-id")
    timestamp = request.required_header("webhook-timestamp")
    listed = signatures(request.required_header("webhook-signature"), "v1a")
    check_timestamp(timestamp, tolerance, now)
    if len(listed) > _MOST_SIGNATURES:
        raise MalformedRequestError(f"header webhook-signature lists {len(listed)}; send {_MOST_SIGNATURES} at most")
    candidates = tuple(each for each in listed if len(each) == _SIGNATURE_BYTES)
    # The header was decoded as Latin-1, so this gives back the bytes that were sent.
    return SignedRequest(f"{message_id}.{timestamp}.".encode("latin-1") + request.body, candidates)


def _made(key: Ed25519PublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed)
    except InvalidSignature:
        return False
    return True
