"""What is kept on disk. Times: ``…_at`` on the wall clock, ``due``, ``expires`` and ``since`` in emulated seconds."""

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Written as one row, under its kind and key. ``due``: when something is to happen to it by itself, if ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str]

    @property
    def key(self) -> str:
        raise NotImplementedError

    @property
    def row_due(self) -> float | None:
        return None


class JobKind(StrEnum):
    BATCH = "batch"
    INTERACTION = "interaction"
    VIDEO = "video"


class Outcome(StrEnum):
    """How a job ends."""

    SUCCEED = "succeed"
    FAIL = "fail"
    EXPIRE = "expire"
    CANCEL = "cancel"
    REQUIRE_ACTION = "require_action"


class Failure(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = "INTERNAL"
    message: str = "The model is overloaded. Please try again later."


class DynamicWebhook(BaseModel):
    """A job's own ``webhook_config``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uris: tuple[str, ...] = ()
    user_metadata: dict[str, Any] = {}


class Job(Record):
    """``planned``: what it will come to at ``due``; ``outcome``: what it has come to. ``polls``: GETs of this job."""

    kind: ClassVar[str] = "job"

    name: str
    job_kind: JobKind
    model: str
    display_name: str = ""
    webhook: DynamicWebhook | None = None
    from_file: bool = False
    created_at: float
    ended_at: float | None = None
    begins: float
    due: float
    planned: Outcome
    failure: Failure = Failure()
    outcome: Outcome | None = None
    output_file: str | None = None
    requests: int = 1
    failed_requests: int = 0
    polls: int = 0

    @property
    def key(self) -> str:
        return self.name

    @property
    def row_due(self) -> float | None:
        return self.due if self.outcome is None else None


class WebhookState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    FAILED = "disabled_due_to_failed_deliveries"


class Secret(BaseModel):
    """``expires``: while a rotation's overlap lasts; None is the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: str
    expires: float | None = None


class Webhook(Record):
    """A registered endpoint. ``given_up``: deliveries in a row that no attempt of 24 hours brought through."""

    kind: ClassVar[str] = "webhook"

    id: str
    name: str = ""
    uri: str
    subscribed_events: tuple[str, ...]
    state: WebhookState = WebhookState.ENABLED
    secrets: tuple[Secret, ...]
    given_up: int = 0
    created_at: float
    updated_at: float

    @property
    def key(self) -> str:
        return self.id


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"
    """Its webhook was disabled or deleted."""
    LOST = "lost"
    """A fault that was asked for: it is never sent."""


class Attempt(BaseModel):
    """``status``: the answer's; None where there was none, then ``error`` says why. ``answer``: the beginning of what a
    refusal said. ``fault``: what was done on purpose.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float
    seconds: float
    status: int | None = None
    answer: str | None = None
    error: str | None = None
    fault: str | None = None


class Delivery(Record):
    """One event for one URI. ``message_id`` is the ``webhook-id``: equal for every URI, attempt and duplicate of an
    event. ``webhook``: the registered one it is for, None for a job's own.
    """

    kind: ClassVar[str] = "delivery"

    number: int
    message_id: str
    job: str
    event_type: str
    uri: str
    webhook: str | None = None
    body: str
    duplicate: bool = False
    since: float
    due: float
    state: DeliveryState = DeliveryState.PENDING
    reason: str | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.number:012d}"

    @property
    def row_due(self) -> float | None:
        return self.due if self.state is DeliveryState.PENDING else None


class StoredFile(Record):
    """Its bytes lie beside it. ``generated``: made by a job; only such files can be downloaded, as at Google."""

    kind: ClassVar[str] = "file"

    name: str
    display_name: str = ""
    mime_type: str
    size: int
    sha256: str
    generated: bool
    created_at: float
    expires: float

    @property
    def key(self) -> str:
        return self.name

    @property
    def row_due(self) -> float | None:
        return self.expires


class SigningKey(Record):
    """A private key of the dynamic signatures, PEM. ``retires``: when it leaves the JWKS; None is the newest."""

    kind: ClassVar[str] = "key"

    kid: str
    algorithm: str
    private_pem: str
    retires: float | None = None

    @property
    def key(self) -> str:
        return self.kid


class Counter(Record):
    """``job`` and ``delivery`` numbers: they seed the chances, so that a seed gives the same run again."""

    kind: ClassVar[str] = "counter"

    name: str
    value: int

    @property
    def key(self) -> str:
        return self.name


class LastReading(Record):
    """Where the clock stood when it was last set."""

    kind: ClassVar[str] = "clock"

    emulated: float
    wall: float
    speed: float

    @property
    def key(self) -> str:
        return "last"
