"""Waits for jobs and follows events, over HTTP, without Kafka:

    from hub import client

    event = client.wait("batches/123", timeout=3600)    # the event that ends the job, whenever it comes
    print(event.type, event.json()["data"])

    for event in client.events(type="batch.*"):         # from now on, without gap or repeat
        ...

`Hub` is the same for one hub among several; `hub.client.aio` is all of it for asyncio.
"""

from collections.abc import Iterator

from hub.client.blocking import Hub
from hub.client.errors import HubError, HubRefusesError, HubUnavailableError, PositionGoneError, WaitTimeoutError
from hub.client.event import Event
from hub.client.request import Since, Some

__all__ = [
    "Event",
    "Hub",
    "HubError",
    "HubRefusesError",
    "HubUnavailableError",
    "PositionGoneError",
    "WaitTimeoutError",
    "events",
    "wait",
]


def wait(
    job: str,
    *,
    source: Some = None,
    type: Some = None,  # noqa: A002
    since: Since = None,
    timeout: float | None = None,
) -> Event:
    """`Hub.wait` of the hub that HUB_API names, or that of this machine."""
    return Hub().wait(job, source=source, type=type, since=since, timeout=timeout)


def events(
    *,
    source: Some = None,
    type: Some = None,  # noqa: A002
    subject: Some = None,
    endpoint: Some = None,
    since: Since = None,
    after: str | None = None,
) -> Iterator[Event]:
    """`Hub.events` of the hub that HUB_API names, or that of this machine."""
    return Hub().events(source=source, type=type, subject=subject, endpoint=endpoint, since=since, after=after)
