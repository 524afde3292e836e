"""RS256 JSON Web Tokens in ``webhook-signature``: how Gemini's documentation says that dynamic webhooks are signed.

A token signs what is in it, and no documented claim of it says anything about the request: neither the body nor
``webhook-id`` nor ``webhook-timestamp`` are covered. Whoever gets hold of a token can send other bodies with it until
it expires. `v1a` covers all three, which is why no token is taken unless somebody asked for them.

The key is the one of that ``kid`` in the pinned key set. What a token says about keys (``jku``, ``jwk``, ``x5u``,
``x5c``) is never looked at, and its ``alg`` is only compared.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.errors import ClaimError, JoseError
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from connectors.api import BadSignatureError, MalformedRequestError, Verified
from connectors.sources.key_set import KeySet

SCHEME = "gemini-jwt-rs256"
ALGORITHM = "RS256"

_MALFORMED = "header webhook-signature is not a JSON Web Token"


class _Registry(jws.JWSRegistry):
    """Bounds in bytes, as encoded: room for certificates that nobody looks at, and for a token of 4096 bits."""

    max_header_length = 8192
    max_payload_length = 8192
    max_signature_length = 1024


# Parameters that nobody knows are ignored (RFC 7515, section 4), unless critical.
_REGISTRY = _Registry(algorithms=[ALGORITHM], strict_check_header=False)


@dataclass(frozen=True, slots=True)
class Expected:
    """``issuer`` None: any. ``tolerance`` in seconds, for the clocks."""

    audience: str
    issuer: str | None
    tolerance: float


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose form and algorithm are right, and nothing else yet."""

    kid: str
    signature: jws.CompactSignature

    def matched(self, keys: KeySet, expected: Expected, now: datetime) -> Verified | None:
        """The evidence; None where no key has this name.

        Raises:
            BadSignatureError: the key of this name did not sign it, or a claim is not as expected.
        """
        named = keys.rsa(self.kid)
        if not named:
            return None
        for key in named:
            if self._made_by(key.key):
                _check_claims(self.signature.payload, expected, now)
                return Verified(SCHEME, key.thumbprint, key.jwk)
        raise BadSignatureError("the key the token names did not sign it")

    def _made_by(self, key: Any) -> bool:
        try:
            return jws.validate_compact(self.signature, key, registry=_REGISTRY)
        except (JoseError, ValueError):
            return False


def read_token(text: str) -> Token:
    """A token as far as it can be judged without keys.

    Raises:
        MalformedRequestError: it is none.
        BadSignatureError: another algorithm than RS256, or one that must not be ignored and is not known.
    """
    try:
        signature = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
        # The library takes the last of repeated members; others may take the first, and see another token.
        header = _json_object(urlsafe_b64decode(signature.segments["header"]))
    except (JoseError, ValueError, TypeError, RecursionError):  # RecursionError: JSON that nests without end
        raise MalformedRequestError(_MALFORMED) from None
    if header.get("alg") != ALGORITHM:
        raise BadSignatureError(f"the token's algorithm is not {ALGORITHM}")
    if "crit" in header or "b64" in header:
        raise BadSignatureError("the token has critical extensions, and none is supported")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise MalformedRequestError("the token names no key (`kid`)")
    return Token(kid, signature)


def _check_claims(payload: bytes, expected: Expected, now: datetime) -> None:
    options: dict[str, Any] = {"aud": {"essential": True, "value": expected.audience}, "exp": {"essential": True}}
    if expected.issuer is not None:
        options["iss"] = {"essential": True, "value": expected.issuer}
    registry = JWTClaimsRegistry(now=int(now.timestamp()), leeway=int(expected.tolerance), **options)
    try:
        claims = _json_object(payload)
    except (ValueError, RecursionError):
        raise MalformedRequestError("the token's claims are no JSON object") from None
    try:
        registry.validate(claims)
    except ClaimError as error:
        raise BadSignatureError(f"the token is signed, and not for now or not for us: {error.description}") from None


def _json_object(document: bytes) -> dict[str, Any]:
    parsed: object = json.loads(document.decode(), object_pairs_hook=_without_repeats)
    if not isinstance(parsed, dict):
        raise ValueError("not a JSON object")
    return parsed


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there more than once")
    return found
