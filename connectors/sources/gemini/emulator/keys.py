"""The keys of the dynamic signatures: made, published as JWKS, rotated."""

import secrets
from typing import Any

from connectors.sources.gemini.emulator.clock import Clock
from connectors.sources.gemini.emulator.records import SigningKey
from connectors.sources.gemini.emulator.signing import (
    DynamicSignature,
    PrivateKey,
    load_key,
    new_key,
    private_pem,
    public_jwk,
)
from connectors.sources.gemini.emulator.store import Store

OVERLAP = 24 * 3600.0
"""Emulated seconds that a rotated key stays in the JWKS; emulator-specific."""


class SigningKeys:
    """One key signs, the newest; earlier ones are published until their overlap ends."""

    def __init__(self, store: Store, clock: Clock, signature: DynamicSignature) -> None:
        self._store = store
        self._clock = clock
        self._signature = signature
        if not self._published():
            self._add()

    def current(self) -> tuple[str, PrivateKey]:
        """The ``kid`` and the key that signs now."""
        newest = self._published()[-1]
        return newest.kid, load_key(newest.private_pem)

    def jwks(self) -> dict[str, Any]:
        return {"keys": [public_jwk(load_key(key.private_pem), key.kid) for key in self._published()]}

    def rotate(self, *, at_once: bool = False) -> str:
        """A new key signs from now on; returns its ``kid``. ``at_once``: the earlier ones leave the JWKS now."""
        with self._store.transaction():
            now = self._clock.now()
            for key in self._all():
                if at_once or (key.retires is not None and key.retires <= now):
                    self._store.delete(key)
                elif key.retires is None:
                    self._store.put(key.model_copy(update={"retires": now + OVERLAP}))
            return self._add()

    def _published(self) -> list[SigningKey]:
        now = self._clock.now()
        return [key for key in self._all() if key.retires is None or key.retires > now]

    def _all(self) -> list[SigningKey]:
        return [key for key in self._store.all(SigningKey) if key.algorithm == self._signature]

    def _add(self) -> str:
        kid = secrets.token_hex(8)
        pem = private_pem(new_key(self._signature))
        self._store.put(SigningKey(kid=kid, algorithm=self._signature.value, private_pem=pem))
        return kid
