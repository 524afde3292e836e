"""One range of the log, as objects: named by the range, written one PUT each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

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
        self._written: set[str] = set()

    def add(self, delivery: Delivery[Options]) -> None:
        path = self._path.render(delivery)
        replay = replay_of(delivery.key.run)
        self._pages.add(path if replay is None else f"run={replay}/{path}", delivery)

    async def store(self) -> None:
        """A crash leaves no half object and no unfinished upload, only some of the objects, which come again. What this
        call has written before an error, the next one leaves alone: a range of many objects ends, however many fail.
        """
        for group in _groups(self._unwritten()):
            encoded = await asyncio.to_thread(_encode, group)
            await self._write(list(zip(group, encoded, strict=True)))
        self._pages.clear()

    def _unwritten(self) -> Iterator[Encoded]:
        return (each for each in self._pages.objects() if self._key(each) not in self._written)

    async def _write(self, objects: Sequence[tuple[Encoded, bytes]]) -> None:
        """After the first error nothing more is begun, and that error raised once the others have ended."""
        slots = asyncio.Semaphore(_AT_ONCE)
        errors: list[Exception] = []

        async def put(each: Encoded, data: bytes) -> None:
            async with slots:
                if errors:
                    return
                try:
                    await self._put(self._key(each), data, each.content_type)
                except Exception as error:  # noqa: BLE001  (raised below)
                    errors.append(error)
                else:
                    self._written.add(self._key(each))

        async with asyncio.TaskGroup() as group:
            for each, data in objects:
                group.create_task(put(each, data))
        if errors:
            raise errors[0]

    def _key(self, each: Encoded) -> str:
        name = f"{self._name}{each.suffix}"
        return f"{each.path}/{name}" if each.path else name


def _encode(group: Sequence[Encoded]) -> list[bytes]:
    return [each.encode() for each in group]


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
