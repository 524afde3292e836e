"""An endpoint, and the destination that sends to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from connectors.api import DeliveryError
from connectors.destinations.http import HttpConfig, HttpDestination, HttpOptions
from connectors.testing import context, delivery
from tests.fixtures.endpoint import Endpoint

Opened = Callable[..., Awaitable[HttpDestination]]
"""Opens a destination for the endpoint with further options; it is closed after the test."""


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint() as running:
        yield running


@pytest.fixture
async def opened(endpoint: Endpoint, tmp_path: Path) -> AsyncIterator[Opened]:
    async with AsyncExitStack() as stack:

        async def open_one(**options: Any) -> HttpDestination:
            config = HttpConfig.model_validate({"url": endpoint.url, **options})
            target = HttpDestination(config, context(tmp_path))
            await target.open()
            stack.push_async_callback(target.close)
            return target

        yield open_one


@pytest.fixture
async def target(opened: Opened) -> HttpDestination:
    return await opened()


async def failure(target: HttpDestination, options: HttpOptions | None = None, **event: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await target.deliver_one(delivery(options or HttpOptions(), **event))
    return caught.value
