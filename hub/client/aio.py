"""`hub.client` for asyncio:

from hub.client import aio

event = await aio.wait("batches/123", timeout=3600)
"""

from collections.abc import AsyncIterator

from hub.client.asynchronous import Hub
from hub.client.event import Event
from hub.client.request import Since, Some

__all__ = ["Hub", "events", "wait"]


async def wait(
    job: str,
    *,
    source: Some = None,
    type: Some = None,  # noqa: A002
    since: Since = None,
    timeout: float | None = None,  # noqa: ASYNC109
) -> Event:
    """`wait` of the hub that HUB_API names, or that of this machine."""
    async with Hub() as hub:
        return await hub.wait(job, source=source, type=type, since=since, timeout=timeout)


async def events(
    *,
    source: Some = None,
    type: Some = None,  # noqa: A002
    subject: Some = None,
    endpoint: Some = None,
    since: Since = None,
    after: str | None = None,
) -> AsyncIterator[Event]:
    """`events` of the hub that HUB_API names, or that of this machine."""
    async with Hub() as hub:
        async for event in hub.events(
            source=source, type=type, subject=subject, endpoint=endpoint, since=since, after=after
        ):
            yield event
