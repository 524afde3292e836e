"""The contract of a source: how webhooks of one kind are verified and named."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic

from typing_extensions import TypeVar

from connectors.errors import MalformedRequestError
from connectors.model import SourceConfig
from schemas.event import EventAttributes, JsonObject
from schemas.exact_json import loads

if TYPE_CHECKING:
    from connectors.context import Context

API_VERSION = 1
"""The version of the connector contract this hub speaks; a plugin states the one it was written for."""


@dataclass(frozen=True)
class Request:
    """A webhook as it arrived. ``url`` is what the sender called (some schemes sign it). ``headers`` keeps order and
    duplicates, names in lower case. ``body`` is the raw bytes, never decoded before verification.
    """

    method: str
    url: str
    endpoint: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header (``name`` in lower case), None where it is missing.

        Raises:
            MalformedRequestError: the header stands there more than once; which one was signed is anyone's guess.
        """
        found = None
        for header, value in self.headers:
            if header == name:
                if found is not None:
                    raise MalformedRequestError(f"header {name} is there more than once; send it once")
                found = value
        return found

    @cached_property
    def parsed_body(self) -> Any:
        """The body as JSON, its whole numbers exact, parsed at most once; None where it is not JSON. Only of use after
        verification.
        """
        try:
            return loads(self.body)
        except ValueError:
            return None

    def required_header(self, name: str) -> str:
        """Like ``header``, but missing or empty is a MalformedRequestError as well."""
        value = self.header(name)
        if not value:
            raise MalformedRequestError(f"header {name} is missing")
        return value


@dataclass(frozen=True, slots=True)
class Verified:
    """The evidence of a check, stored with the event: the scheme's name, the thumbprint of the key that matched
    (never the secret itself), and for an asymmetric scheme the public key.
    """

    scheme: str
    key: str
    public_key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a challenge (Slack's ``url_verification``): sent as it is, nothing is stored."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


ConfigT = TypeVar("ConfigT", bound=SourceConfig)


class Source(ABC, Generic[ConfigT]):
    """One kind of sender. One instance per configured source, used concurrently by all requests; when a secret
    changes, another is made and takes over.

    Class attributes: ``name`` is the ``type:`` people write; ``config_model`` validates the rest of the entry;
    ``payload_member`` is the member of the body that rules and templates call ``data`` (None: the whole body);
    ``signed_headers`` (lower case) are stored with each event whatever the allow-list says, since the signature
    covers them; ``terminal_types`` are the types of events after which nothing more happens to their subject (a job's
    end: what ``hub wait`` waits for); ``instead_of_samples`` says, where the source is no SampleSender, why and what to
    do instead of ``hub send``; ``metadata_names`` are those that ``describe`` may put into an event's metadata (None:
    any); ``api_version`` is the contract the plugin was written for.
    """

    name: ClassVar[str]
    config_model: ClassVar[type[SourceConfig]]
    payload_member: ClassVar[str | None] = None
    signed_headers: ClassVar[frozenset[str]] = frozenset()
    instead_of_samples: ClassVar[str] = "let the real one post to its address under /in/"
    terminal_types: ClassVar[frozenset[str]] = frozenset()
    metadata_names: ClassVar[frozenset[str] | None] = None
    api_version: ClassVar[int] = API_VERSION

    def __init__(self, config: ConfigT, context: "Context") -> None:
        self.config = config
        self.context = context

    @property
    def log(self) -> logging.Logger:
        return self.context.logger

    async def open(self) -> None:
        """Called once before the first request. Raise to refuse the start; after a secret changed it is tried again."""

    async def close(self) -> None:
        """Called once after the last request."""

    @classmethod
    def subject_of(cls, name: str) -> str:
        """The subject that events of this source have, for what people call ``name``: one of its forms, if it has
        several (`batches/123` and `123`).
        """
        return name

    @classmethod
    def thumbprints(cls, config: ConfigT) -> Sequence[str]:  # noqa: ARG003  (what a source with secrets asks)
        """Of the shared secrets in the options, as ``Verified.key`` names them: `hub status` says when each was last
        used. Of a source that has none, nothing.
        """
        return ()

    @classmethod
    def event_schemas(cls) -> Mapping[str, JsonObject]:
        """JSON Schema of the parsed body by type of event, where the sender documents them; none: nothing is known.

        ``hub check`` holds patterns against them: fields no such event has, a number where the field is text. Members
        that a schema lists count as all there are, whatever its ``additionalProperties`` says.
        """
        return {}

    @abstractmethod
    async def verify(self, request: Request, now: datetime) -> Verified | Reply:
        """Check the signature over the raw bytes, in constant time.

        Called for every request, concurrently. ``now`` is timezone-aware.

        Raises:
            VerificationError: one of its subclasses decides the status; nothing is stored.
        """

    @abstractmethod
    def describe(self, request: Request) -> Sequence[EventAttributes]:
        """Name what a verified request holds: one event, or several for batch formats.

        Must not fail on a body of any shape: what cannot be read is left out, and an unknown type is stored as it is.
        """
