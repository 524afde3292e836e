"""The exceptions connectors raise. The type is the recovery decision; the message is for people.

    DeliveryError
    ├── BadRecordError         this record would fail the same way again   → dead letter now, neighbours go on
    ├── RetryableError         this record, another time                   → retried with backoff
    ├── ThrottledError         the destination asks for less               → pause that long, costs no attempt
    └── DestinationDownError   nobody would get through                    → pause and probe, costs no attempt
        └── DestinationGoneError   it says it is gone for good             → paused until a person resumes it

    VerificationError
    ├── MalformedRequestError  a security header is missing or repeated    → 400
    ├── BadSignatureError      signed by nobody we know, or too old        → 401
    └── KeysUnavailableError   the sender's keys cannot be fetched now     → 503, the sender repeats

Anything else that ``deliver`` raises is a bug of the plugin: handled as RetryableError, with its traceback logged.
"""

from datetime import timedelta


class DeliveryError(Exception):
    """Base of the errors a destination reports."""


class BadRecordError(DeliveryError):
    """This record would fail the same way again: malformed for the destination, refused for good."""


class RetryableError(DeliveryError):
    """This record failed, but another try may succeed. ``retry_after``: not before that long from now."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ThrottledError(DeliveryError):
    """The destination asks for less: the hub pauses the whole destination for ``retry_after``."""

    def __init__(self, message: str, retry_after: timedelta) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DestinationDownError(DeliveryError):
    """The destination cannot be reached or refuses everybody (connection refused, revoked credentials)."""


class DestinationGoneError(DestinationDownError):
    """The destination says that it is gone for good: the hub pauses it until somebody runs ``hub resume``."""


class VerificationError(Exception):
    """Base of the errors ``Source.verify`` raises. The message is sent to the caller: no secrets in it."""

    status = 401


class MalformedRequestError(VerificationError):
    """The request lacks what the scheme needs, or has it twice."""

    status = 400


class BadSignatureError(VerificationError):
    """No configured key made this signature, or its timestamp is outside the tolerance."""

    status = 401


class KeysUnavailableError(VerificationError):
    """The keys to check with cannot be had right now; the sender should repeat."""

    status = 503
