"""Shared secrets as keys: how they are told apart in the evidence without being shown."""

import hashlib
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class SigningKey:
    """``thumbprint``: the first 16 hex digits of the key's SHA-256. It stays the same when secrets are reordered."""

    secret: bytes = field(repr=False)
    thumbprint: str

    @classmethod
    def of(cls, secret: bytes) -> Self:
        return cls(secret, hashlib.sha256(secret).hexdigest()[:16])
