"""The optional half of a source: playing its own sender, so that ``hub send`` needs no real one."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.event import JsonObject


class SampleSender(ABC):
    """Implement it beside ``Source`` to let people try the source with ``hub send SOURCE --sample TYPE``.

    None of it runs in the ingress. ``now`` is timezone-aware.
    """

    @abstractmethod
    def sample_types(self) -> Sequence[str]:
        """The event types there are samples of, in the order to list them."""

    @abstractmethod
    def sample(self, event_type: str, now: datetime) -> JsonObject:
        """A realistic payload of one of ``sample_types``, as its sender would write it; never the same id twice."""

    def attach(self, payload: JsonObject, metadata: Mapping[str, str]) -> JsonObject:
        """The payload with metadata where this kind of sender puts it.

        Called with what the source's ``metadata`` option maps nothing for. Metadata that came from mapped fields is
        already in place.

        Raises:
            ValueError: this kind of sender has no such place; the message says what to do instead.
        """
        if metadata:
            names = ", ".join(metadata)
            raise ValueError(f"this sender carries no metadata; map {names} out of the body with the `metadata` option")
        return payload

    @abstractmethod
    def sign(self, body: bytes, *, event_type: str | None, event_id: str, now: datetime) -> Mapping[str, str]:
        """All headers to post ``body`` with, signed with the first configured secret.

        ``event_type`` is None when a person gave the body and no type.

        Raises:
            ValueError: these bytes cannot be signed the way this kind of sender does it.
        """
