"""One range of the log, as objects: named by the range, written one PUT each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

from connectors.api import Collection, Delivery, Options, Span
from connectors.destinations.object_store.formats import Encoded, Pages
from connectors.destinations.object_store.path import PathTemplate
from schemas.identity import replay_of

Put = Callable[[str, bytes, str], Awaitable[None]]
"""Write an object: its key, its bytes, its content type. Raises a DeliveryError."""

_TOGETHER = 4_000_000  # bytes that are encoded in one go, and the objects of it written at once …
_OBJECTS = 100
_AT_ONCE = 16  # … so many at a time


class Objects(Collection[Options]):
    """Keys are ``[run=REPLAY/]PATH/TOPIC-INCARNATION-PARTITION-START.FORMAT``: a repeat replaces what it repeats."""

    def __init__(self, pages: Pages, path: PathTemplate, span: Span, put: Put) -> None:
        self._pages = pages
        self._path = path
        self._name = f"{span.topic}-{span.incarnation}-{span.partition}-{span.start:020}"
        self._put = put

    def add(self, delivery: Delivery[Options]) -> None:
        path = self._path.render(delivery)
        replay = replay_of(delivery.key.run)
        self._pages.add(path if replay is None else f"run={replay}/{path}", delivery)

    async def store(self) -> None:
        """A crash leaves no half object and no unfinished upload, only some of the objects, which come again."""
        for group in _groups(self._pages.objects()):
            encoded = await asyncio.to_thread(lambda: [each.encode() for each in group])  # noqa: B023  (awaited here)
            slots = asyncio.Semaphore(_AT_ONCE)

            async def put(each: Encoded, data: bytes, slots: asyncio.Semaphore = slots) -> None:
                async with slots:
                    await self._put(self._key(each), data, each.content_type)

            await _all(put(each, data) for each, data in zip(group, encoded, strict=True))
        self._pages.clear()

    def _key(self, each: Encoded) -> str:
        name = f"{self._name}{each.suffix}"
        return f"{each.path}/{name}" if each.path else name


async def _all(puts: Iterable[Awaitable[None]]) -> None:
    """Await all of them; the first error ends the others, and is raised itself, not a group of them."""
    tasks = [asyncio.ensure_future(put) for put in puts]
    try:
        for task in tasks:
            await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _groups(objects: Iterator[Encoded]) -> Iterator[list[Encoded]]:
    group: list[Encoded] = []
    size = 0
    for each in objects:
        if group and (size + each.size > _TOGETHER or len(group) == _OBJECTS):
            yield group
            group, size = [], 0
        group.append(each)
        size += each.size
    if group:
        yield group
