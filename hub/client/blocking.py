"""The client for programs without asyncio."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from hub.client.errors import HubUnavailableError
from hub.client.event import Event
from hub.client.request import (
    LONGEST_WAIT,
    POSITION,
    SILENCE,
    Deadline,
    Patience,
    Since,
    Some,
    address,
    events_path,
    refusal,
    unreachable,
    wait_path,
)
from hub.client.sse import Parser

_AT_ONCE = 65_536


class Hub:
    """One hub. ``url`` and ``token`` are HUB_API and HUB_TOKEN unless given; ``patience`` is how many seconds nobody
    may answer before HubUnavailableError is raised. Threads may share it: each call has a connection of its own.
    """

    def __init__(self, url: str | None = None, *, token: str | None = None, patience: float = 60.0) -> None:
        self._address = address(url, token)
        self._patience = patience

    def wait(
        self,
        job: str,
        *,
        source: Some = None,
        type: Some = None,  # noqa: A002
        since: Since = None,
        timeout: float | None = None,
    ) -> Event:
        """The event that ends a job: at once if it came ``since`` then (48 hours ago unless given), else when it comes.

        ``type`` names what to wait for instead of any end; ``timeout`` is in seconds, None waits for ever.

        Raises:
            WaitTimeoutError, HubUnavailableError, HubRefusesError, PositionGoneError
        """
        deadline, patience = Deadline(timeout), Patience(self._patience)
        after: str | None = None
        while True:
            left = deadline.cut(LONGEST_WAIT)
            path = wait_path(job, source=source, type=type, since=since, after=after, seconds=left)
            try:
                with self._get(path, left + SILENCE) as response:
                    body = _read(response)
                    position = response.headers.get(POSITION, "")
            except HubUnavailableError as error:
                time.sleep(deadline.cut(patience.pause(error)))
            else:
                if response.status == 200:
                    return Event.parse(body, position)
                after = position
                patience.answered()
            deadline.check(job)

    def events(
        self,
        *,
        source: Some = None,
        type: Some = None,  # noqa: A002
        subject: Some = None,
        endpoint: Some = None,
        since: Since = None,
        after: str | None = None,
    ) -> Iterator[Event]:
        """Events as they come, for ever: from now on, from ``since`` on, or ``after`` an event's ``position``.

        None is missed and none repeated, whatever becomes of connections and of the hub. In order for each subject.

        Raises:
            HubUnavailableError, HubRefusesError, PositionGoneError
        """
        patience = Patience(self._patience)
        while True:
            path = events_path(source=source, type=type, subject=subject, endpoint=endpoint, since=since, after=after)
            try:
                with self._get(path, SILENCE) as response:
                    parser = Parser()
                    while data := _read_some(response):
                        patience.answered()
                        for message in parser.feed(data):
                            after = message.id
                            if message.data is not None:
                                yield Event.parse(message.data, message.id)
                pause = patience.pause()  # it ended well: the hub stops, or starts anew
            except HubUnavailableError as error:
                pause = patience.pause(error)
            time.sleep(pause)

    @contextmanager
    def _get(self, path: str, seconds: float) -> Iterator[HTTPResponse]:
        """A success; everything else is raised. ``seconds`` of silence are allowed."""
        url = urlsplit(self._address.url)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        with closing(kind(url.hostname or "", url.port, timeout=seconds)) as connection:
            try:
                connection.request("GET", url.path + path, headers=self._address.headers)
                response = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise unreachable(self._address.url, error) from error
            if response.status not in {200, 204}:
                raise refusal(response.status, _read(response))
            yield response


def _read(response: HTTPResponse) -> bytes:
    try:
        return response.read()
    except (OSError, HTTPException) as error:
        raise HubUnavailableError(f"the connection broke: {error!r}") from error


def _read_some(response: HTTPResponse) -> bytes:
    try:
        return response.read1(_AT_ONCE)
    except (OSError, HTTPException) as error:
        raise HubUnavailableError(f"the connection broke: {error!r}") from error
