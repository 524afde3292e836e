"""Signatures of one attempt (pure): ``v1`` for registered webhooks, ``v1a`` or a JWT for a job's own.

``v1`` and ``v1a`` sign ``<webhook-id>.<webhook-timestamp>.<body>``, as Standard Webhooks 1.0.0 says. The JWT is the
form Google's documentation describes; it documents no claims beside ``aud``, so the others are emulator-specific.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

PrivateKey = Ed25519PrivateKey | RSAPrivateKey
ISSUER = "https://generativelanguage.googleapis.com"
JWT_LIFETIME = 300
"""Seconds, on the wall clock: as long as a timestamp is accepted."""


class DynamicSignature(StrEnum):
    """How a job's own webhooks are signed: as observed of Google (v1a), or as documented (jwt)."""

    V1A = "v1a"
    JWT = "jwt"


def sign_v1(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """One signature per secret (``whsec_…``), separated by spaces: any of them verifies."""
    message = _message(message_id, timestamp, body)
    return " ".join(
        f"v1,{base64.b64encode(hmac.digest(_hmac_key(secret), message, hashlib.sha256)).decode()}" for secret in secrets
    )


def sign_v1a(key: Ed25519PrivateKey, message_id: str, timestamp: int, body: bytes) -> str:
    return f"v1a,{base64.b64encode(key.sign(_message(message_id, timestamp, body))).decode()}"


def sign_jwt(key: RSAPrivateKey, kid: str, message_id: str, timestamp: int, body: bytes, *, audience: str) -> str:
    """RS256. ``body_sha256`` (hex) binds the token to the body for receivers that want it."""
    header = {"alg": "RS256", "kid": kid, "typ": "JWT"}
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "iat": timestamp,
        "exp": timestamp + JWT_LIFETIME,
        "jti": message_id,
        "body_sha256": hashlib.sha256(body).hexdigest(),
    }
    signed = f"{_base64url(_json(header))}.{_base64url(_json(claims))}"
    return f"{signed}.{_base64url(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def spoil(signature: str) -> str:
    """The same form and length, but it verifies nothing: each signature of the list is another one's."""
    return " ".join(_spoil_one(part) for part in signature.split(" "))


def _spoil_one(signature: str) -> str:
    position = max(signature.rfind(","), signature.rfind(".")) + 1
    replaced = "B" if signature[position] == "A" else "A"
    return signature[:position] + replaced + signature[position + 1 :]


def new_key(signature: DynamicSignature) -> PrivateKey:
    if signature is DynamicSignature.V1A:
        return Ed25519PrivateKey.generate()
    return generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def load_key(pem: str) -> PrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey | RSAPrivateKey), "the emulator wrote it"
    return key


def public_jwk(key: PrivateKey, kid: str) -> dict[str, str]:
    """As the JWKS publishes it, RFC 8037 and RFC 7518."""
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": _base64url(raw)}
    numbers = key.public_key().public_numbers()
    parts = {"n": _base64url(_unsigned(numbers.n)), "e": _base64url(_unsigned(numbers.e))}
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid, **parts}


def _message(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _hmac_key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_"))


def _json(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unsigned(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
