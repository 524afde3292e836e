"""What an endpoint's answers mean for the hub, and what it means to get none. Status and type decide, never a text.

Receivers use 400, 404, 415 and 422 for a record they do not understand, and as well when their own schema, their
routes or our configuration are wrong. Such an answer is tried again: one bad record ends as a dead letter after its
attempts while the others pass, and an endpoint that answers everything so is paused by the hub, which sees failures
without a success, before it fills the dead letters. Only size gives a record up at once: its neighbours are smaller.
"""

from datetime import datetime, timedelta

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

from connectors.api import (
    BadRecordError,
    DeliveryError,
    DestinationDownError,
    DestinationGoneError,
    RetryableError,
    ThrottledError,
)
from connectors.destinations.http.answer import Answer
from connectors.destinations.http.masking import Mask

DEFAULT_PAUSE = timedelta(seconds=30)
"""How long 429 without Retry-After pauses the destination."""

STATUS: dict[int, type[DeliveryError]] = {
    **dict.fromkeys(range(300, 400), DestinationDownError),  # a redirect: followed, a POST would become a GET
    400: RetryableError,
    401: DestinationDownError,
    402: DestinationDownError,  # payment required
    403: DestinationDownError,
    404: RetryableError,
    405: DestinationDownError,  # not this method
    406: RetryableError,
    407: DestinationDownError,  # a proxy wants credentials
    408: RetryableError,
    409: RetryableError,
    410: DestinationGoneError,
    411: RetryableError,
    412: RetryableError,
    413: BadRecordError,  # the body is too large
    414: DestinationDownError,  # the URL is too long, and it is the same for all
    415: RetryableError,
    416: RetryableError,
    417: RetryableError,
    418: RetryableError,
    421: RetryableError,
    422: RetryableError,
    423: RetryableError,
    424: RetryableError,
    425: RetryableError,
    426: DestinationDownError,  # not this version of HTTP
    428: RetryableError,
    429: ThrottledError,
    431: BadRecordError,  # headers too large: the record's attributes are in them
    451: DestinationDownError,  # for legal reasons
    500: RetryableError,
    501: DestinationDownError,  # not this method
    502: RetryableError,  # the server behind a proxy broke off: perhaps only with this record
    503: DestinationDownError,  # with Retry-After: ThrottledError
    504: RetryableError,  # the server behind a proxy took too long: perhaps only with this record
    505: DestinationDownError,  # not this version of HTTP
    506: RetryableError,
    507: RetryableError,
    508: RetryableError,
    510: RetryableError,
    511: DestinationDownError,  # a network wants a login first
}
"""Every registered status that is no success; any other is a RetryableError."""

_ADVICE: dict[int, str] = {
    401: "check `secrets` and `headers` against what the endpoint expects",
    403: "check `secrets` and `headers` against what the endpoint expects",
    404: "check the path in `url`",
    405: "check `method` and `url`",
    410: "ask its owner, or remove the destination",
    413: "the body is larger than the endpoint takes",
    415: "the endpoint does not take this media type; `headers` may set `Content-Type`",
    501: "check `method` and `url`",
}

TRANSPORT: tuple[tuple[type[Exception], type[DeliveryError]], ...] = (
    (aiohttp.ClientConnectorError, DestinationDownError),  # refused, no such name, TLS, an address that is forbidden
    (aiohttp.ConnectionTimeoutError, DestinationDownError),
    (aiohttp.InvalidURL, DestinationDownError),
    (aiohttp.NonHttpUrlClientError, DestinationDownError),
    (aiohttp.ClientError, RetryableError),  # the connection broke with the request on its way
    (http_exceptions.HttpProcessingError, RetryableError),  # what came is not HTTP
    (TimeoutError, RetryableError),  # whether it had an effect is unknown
    (OSError, DestinationDownError),
    (UnicodeError, DestinationDownError),  # a host that no name server can be asked for
)
"""The first that fits counts."""

FOREIGN = tuple(foreign for foreign, _ in TRANSPORT)
"""Everything that the client raises on purpose."""


def answer_error(answer: Answer, url: URL, mask: Mask, now: datetime) -> DeliveryError:
    """What a refusal means. Of its text, and of where a redirect leads, the message has what is no secret."""
    message = f"the endpoint answered {answer.status}"
    if 300 <= answer.status < 400:
        message += f", which leads to {answer.points_to(url)}; redirects are not followed: correct `url`"
    if said := answer.excerpt(mask):
        message += f": {said}"
    if advice := _ADVICE.get(answer.status):
        message += f" ({advice})"
    wait = answer.retry_after(now)
    kind = STATUS.get(answer.status, RetryableError)
    if kind is ThrottledError or (answer.status == 503 and wait):
        return ThrottledError(message, wait or DEFAULT_PAUSE)
    return RetryableError(message, wait) if kind is RetryableError else kind(message)


def transport_error(error: Exception) -> DeliveryError:
    """What one of FOREIGN means. The message names no URL, as aiohttp's own do: it may be a secret."""
    kind = next(ours for foreign, ours in TRANSPORT if isinstance(error, foreign))
    reason = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = str(error.certificate_error)
    elif isinstance(error, aiohttp.ClientConnectorError):
        reason = str(error.os_error)
    return kind(f"no answer from the endpoint: {reason}")
