"""What is asked of the hub, and what its answers mean: the same for both clients. Pure but for the environment."""

import math
import os
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias
from urllib.parse import quote, urlencode

import orjson

from hub.client.errors import HubError, HubRefusesError, HubUnavailableError, PositionGoneError, WaitTimeoutError

DEFAULT_URL = "http://127.0.0.1:8081"
POSITION = "hub-position"
SILENCE = 45.0
"""Seconds without a word after which a connection is given up: a hub sends something every 15."""
LONGEST_WAIT = 60.0
"""Seconds of one request of ``wait``; more requests follow."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0

Some: TypeAlias = str | Iterable[str] | None
"""One, several, or any."""

Since: TypeAlias = datetime | timedelta | str | None
"""A time, or how long ago: a timedelta, or text such as ``24h``."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the hub is, and what opens it. The token is in no repr."""

    url: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


def address(url: str | None, token: str | None) -> Address:
    """As given, else from HUB_API and HUB_TOKEN, else the hub of this machine."""
    found = (url or os.environ.get("HUB_API") or DEFAULT_URL).rstrip("/")
    if not found.startswith(("http://", "https://")):
        raise HubError(f"{found!r} is no URL; write http://host:port")
    token = token or os.environ.get("HUB_TOKEN")
    return Address(found, {"authorization": f"Bearer {token}"} if token else {})


def events_path(*, source: Some, type: Some, subject: Some, endpoint: Some, since: Since, after: str | None) -> str:  # noqa: A002
    """The path and query of a stream; where there is an ``after``, ``since`` no longer matters."""
    query = [("source", source), ("type", type), ("subject", subject), ("endpoint", endpoint)]
    beginning = [("after", after)] if after else [("since", _moment(since))]
    return f"/events/stream{_query([*query, *beginning])}"


def wait_path(job: str, *, source: Some, type: Some, since: Since, after: str | None, seconds: float) -> str:  # noqa: A002
    beginning = [("after", after)] if after else [("since", _moment(since))]
    given: list[tuple[str, Some]] = [("job", job), ("source", source), ("type", type), *beginning]
    return f"/wait{_query([*given, ('timeout', f'{max(seconds, 0.001):.3f}s')])}"


def refusal(status: int, body: bytes) -> HubError:
    """What an answer means that is no success: HubUnavailableError may pass by itself, the others do not."""
    try:
        said = str(orjson.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        said = f"it answered {status}, which no hub does here; is this a hub's api?"
    if status == 410:
        return PositionGoneError(said)
    if status == 429 or status >= 500:
        return HubUnavailableError(said)
    return HubRefusesError(said)


class Patience:
    """How long to wait between two tries: longer each time, and never quite the same, so that many clients do not come
    at once. It ends after so many ``seconds`` without an answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.answered()

    def answered(self) -> None:
        """The hub is there."""
        self._heard = time.monotonic()
        self._pause = _FIRST_PAUSE

    def pause(self, error: HubUnavailableError | None = None) -> float:
        """Seconds to wait. Raises the error when it has been one for too long."""
        if error is not None and time.monotonic() - self._heard > self._seconds:
            raise error
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311  (no secret)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return pause


class Deadline:
    """``seconds`` from now; None: never."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._at = math.inf if seconds is None else time.monotonic() + seconds

    def cut(self, seconds: float) -> float:
        """So many, or those that are left."""
        return max(0.0, min(seconds, self._at - time.monotonic()))

    def check(self, job: str) -> None:
        """Raises WaitTimeoutError when it is over."""
        if time.monotonic() >= self._at:
            raise WaitTimeoutError(f"{job} has not ended within {self._seconds:g} s")


def unreachable(url: str, error: BaseException) -> HubUnavailableError:
    said = str(error) or type(error).__name__
    return HubUnavailableError(f"no hub answers at {url}: {said}; start it with `hub up`, or name another with HUB_API")


def _moment(since: Since) -> str | None:
    if isinstance(since, datetime):
        if since.tzinfo is None:
            raise HubError("`since` has no time zone; give it one, such as datetime.now(UTC)")
        return since.isoformat()
    return f"{since.total_seconds():.3f}s" if isinstance(since, timedelta) else since


def _query(given: Iterable[tuple[str, Some]]) -> str:
    pairs = [(name, each) for name, value in given for each in ([value] if isinstance(value, str) else value or ())]
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""
