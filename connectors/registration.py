"""The optional half of a source: webhooks that its sender lets be registered, for ``hub gemini register`` …"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import SecretStr


class SenderApiError(Exception):
    """The sender's API cannot be used, or refuses. The message says what to do, and never shows a secret."""


class UnknownRegistrationError(SenderApiError):
    """The sender has no such registration."""


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """A secret as the sender shows it afterwards: the end of its text, and when it ceases to sign (None: never)."""

    ending: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Registration:
    """One webhook as the sender knows it. ``enabled`` is whether it sends; ``state`` is its own word for that.

    ``secrets`` are those that sign, the newest last, as far as the sender says.
    """

    id: str
    url: str
    events: tuple[str, ...]
    state: str
    enabled: bool
    secrets: tuple[SigningSecret, ...] = ()
    created: datetime | None = None


class Registrar(ABC):
    """Implement it beside ``Source``. Its commands keep the secrets that the sender gives under ``HUB_HOME``, and a
    source whose entry has no ``secrets`` verifies with those.

    ``event_types`` can be subscribed to; ``secret_overlap`` is how long an earlier secret signs beside a new one. Each
    method calls the sender's API, within a timeout of its own, and none repeats a call that may have had its effect.

    Raises:
        SenderApiError: from every method but ``thumbprint``.
    """

    event_types: ClassVar[tuple[str, ...]]
    secret_overlap: ClassVar[timedelta]

    @property
    @abstractmethod
    def public_url(self) -> str | None:
        """Where the hub can be reached from the internet, without ``/in/…``; None where nobody said."""

    @abstractmethod
    async def registrations(self) -> Sequence[Registration]:
        """All of the account, those of other receivers included, the oldest first where the sender tells."""

    @abstractmethod
    async def create(self, url: str, events: Sequence[str]) -> tuple[Registration, SecretStr]:
        """Register a webhook. The sender says its secret this one time."""

    @abstractmethod
    async def update(self, registration: str, events: Sequence[str]) -> Registration:
        """Subscribe to these events and no others, and let it send."""

    @abstractmethod
    async def rotate(self, registration: str, *, revoke: bool) -> SecretStr:
        """A new secret. The earlier ones sign beside it for ``secret_overlap``, or with ``revoke`` no longer."""

    @abstractmethod
    async def ping(self, registration: str) -> None:
        """Ask for a delivery without meaning. It is made some time after this returns, or not at all."""

    @abstractmethod
    async def remove(self, registration: str) -> None:
        """Delete a webhook."""

    @classmethod
    @abstractmethod
    def thumbprint(cls, secret: SecretStr) -> str:
        """What ``Verified.key`` says of an event that was signed with this secret."""
