"""The client for asyncio."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import aiohttp

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


class Hub:
    """``async with Hub() as hub``. Arguments as those of `hub.client.Hub`; tasks may share it."""

    def __init__(self, url: str | None = None, *, token: str | None = None, patience: float = 60.0) -> None:
        self._address = address(url, token)
        self._patience = patience
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # One connection for each call, however many wait.
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers=self._address.headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def wait(
        self,
        job: str,
        *,
        source: Some = None,
        type: Some = None,  # noqa: A002
        since: Since = None,
        timeout: float | None = None,  # noqa: ASYNC109  (as that of the other client)
    ) -> Event:
        """As `hub.client.Hub.wait`."""
        deadline, patience = Deadline(timeout), Patience(self._patience)
        after: str | None = None
        while True:
            left = deadline.cut(LONGEST_WAIT)
            path = wait_path(job, source=source, type=type, since=since, after=after, seconds=left)
            try:
                async with self._get(path, left + SILENCE) as response:
                    body = await response.read()
                    position = response.headers.get(POSITION, "")
            except HubUnavailableError as error:
                await asyncio.sleep(deadline.cut(patience.pause(error)))
            else:
                if response.status == 200:
                    return Event.parse(body, position)
                after = position
                patience.answered()
            deadline.check(job)

    async def events(
        self,
        *,
        source: Some = None,
        type: Some = None,  # noqa: A002
        subject: Some = None,
        endpoint: Some = None,
        since: Since = None,
        after: str | None = None,
    ) -> AsyncIterator[Event]:
        """As `hub.client.Hub.events`."""
        patience = Patience(self._patience)
        while True:
            path = events_path(source=source, type=type, subject=subject, endpoint=endpoint, since=since, after=after)
            try:
                async with self._get(path, SILENCE) as response:
                    parser = Parser()
                    async for data in response.content.iter_any():
                        patience.answered()
                        for message in parser.feed(data):
                            after = message.id
                            if message.data is not None:
                                yield Event.parse(message.data, message.id)
                pause = patience.pause()  # it ended well: the hub stops, or starts anew
            except HubUnavailableError as error:
                pause = patience.pause(error)
            await asyncio.sleep(pause)

    @asynccontextmanager
    async def _get(self, path: str, seconds: float) -> AsyncIterator[aiohttp.ClientResponse]:
        """A success; everything else is raised. ``seconds`` of silence are allowed."""
        if self._session is None:
            raise RuntimeError("use it as `async with Hub() as hub`")
        silence = aiohttp.ClientTimeout(total=None, connect=seconds, sock_read=seconds)
        try:
            async with self._session.get(self._address.url + path, timeout=silence) as response:
                if response.status not in {200, 204}:
                    raise refusal(response.status, await response.read())
                yield response
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            raise unreachable(self._address.url, error) from error
