"""A JWK Set as keys to verify with: Ed25519 and RSA; every other entry is somebody else's and skipped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey, RSAKey

MOST_KEYS = 100
_RSA_BITS = range(2048, 4096 + 1)  # shorter ones can be broken, longer ones cost whoever checks garbage with them
_RSA_TEXT = range(_RSA_BITS.start // 6, _RSA_BITS.stop // 6 + 10)  # the modulus in base64url; the library warns later
_LONGEST_KID = 256

Kind = Literal["OKP", "RSA"]

# What makes the key, in RFC 7638's order, and the algorithms its owner may have bound it to (RFC 8037, RFC 9864).
_MEMBERS: Mapping[Kind, tuple[str, ...]] = {"OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_ALGORITHMS: Mapping[Kind, frozenset[str]] = {"OKP": frozenset({"EdDSA", "Ed25519"}), "RSA": frozenset({"RS256"})}


class UnusableKeySetError(Exception):
    """What the URL answered with is no set of keys. The message completes "the key server …"."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key. ``jwk`` is JSON with what makes the key and nothing else, in the form whose SHA-256 is
    ``thumbprint`` (RFC 7638, base64url): enough to verify with, years later. ``kid`` is what its owner calls it.
    """

    kid: str | None
    kind: Kind
    thumbprint: str
    jwk: str
    key: OKPKey | RSAKey = field(repr=False, compare=False)

    @property
    def ed25519(self) -> Ed25519PublicKey:
        return cast("Ed25519PublicKey", self.key.public_key)


@dataclass(frozen=True)
class KeySet:
    """Keys by use. Immutable; a key that is there twice counts once."""

    keys: tuple[VerificationKey, ...] = ()

    @cached_property
    def ed25519(self) -> tuple[VerificationKey, ...]:
        return tuple(key for key in self.keys if key.kind == "OKP")

    @cached_property
    def thumbprints(self) -> frozenset[str]:
        return frozenset(key.thumbprint for key in self.keys)

    def rsa(self, kid: str) -> tuple[VerificationKey, ...]:
        """Those of this name; names are the sender's to give, so there may be several."""
        return tuple(key for key in self.keys if key.kind == "RSA" and key.kid == kid)


def read_key_set(document: bytes) -> KeySet:
    """The usable keys of a JWK Set.

    Raises:
        UnusableKeySetError: it is none, has more than MOST_KEYS entries, or no usable one.
    """
    try:
        parsed = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise UnusableKeySetError("answered something that is not JSON") from None
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list):
        raise UnusableKeySetError('answered JSON that is no key set: there is no list "keys"')
    if len(entries) > MOST_KEYS:
        raise UnusableKeySetError(f"answered {len(entries)} keys, more than {MOST_KEYS}")
    keys = tuple(_unique(key for key in map(read_key, entries) if key is not None))
    if not keys:
        raise UnusableKeySetError("answered no key to verify with: neither Ed25519 nor RSA for signatures")
    return KeySet(keys)


def read_key(entry: Any) -> VerificationKey | None:
    """A JWK as a key; None for what is of another kind, meant for something else, private, or malformed."""
    if not isinstance(entry, dict) or not _is_for_signatures(entry):
        return None
    kind, kid = entry["kty"], entry.get("kid")
    public = {name: entry.get(name) for name in _MEMBERS[kind]}
    if not all(isinstance(value, str) for value in public.values()):
        return None
    key = _imported(kind, public)
    if key is None:
        return None
    name = kid if isinstance(kid, str) and len(kid) <= _LONGEST_KID else None
    return VerificationKey(name, kind, key.thumbprint(), orjson.dumps(public).decode(), key)


def _is_for_signatures(entry: Mapping[str, Any]) -> bool:
    kind = entry.get("kty")
    if not isinstance(kind, str) or kind not in _MEMBERS or "d" in entry:  # d: somebody published a private key
        return False
    operations, algorithms = entry.get("key_ops", ["verify"]), _ALGORITHMS[cast("Kind", kind)]
    return (
        entry.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and ("alg" not in entry or any(entry["alg"] == each for each in algorithms))
    )


def _imported(kind: Kind, public: dict[str, Any]) -> OKPKey | RSAKey | None:
    try:
        if kind == "OKP":
            return OKPKey.import_key(public) if public["crv"] == "Ed25519" else None
        if len(public["n"]) not in _RSA_TEXT or len(public["e"]) > 8:
            return None
        key = RSAKey.import_key(public)
    except (JoseError, ValueError, TypeError):  # bad base64, a wrong length, a number that is no modulus
        return None
    return key if key.public_key.key_size in _RSA_BITS else None


def _unique(keys: Iterable[VerificationKey]) -> Iterable[VerificationKey]:
    """One key per (name, thumbprint)."""
    return {(key.kid, key.thumbprint): key for key in keys}.values()
