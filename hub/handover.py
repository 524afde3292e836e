"""Exchanges what serves calls while calls are under way: who began with the old one ends with it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Generic, TypeVar

ConfigT = TypeVar("ConfigT")
ItemT = TypeVar("ItemT")


class Serving(Generic[ItemT]):
    """``with serving as item`` for the length of a call; any number at once."""

    __slots__ = ("_unused", "_users", "item")

    def __init__(self, item: ItemT) -> None:
        self.item = item
        self._users = 0
        self._unused = asyncio.Event()

    def __enter__(self) -> ItemT:
        self._users += 1
        return self.item

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            self._unused.set()

    async def unused(self) -> None:
        """Return when no call is under way."""
        while self._users:
            self._unused.clear()
            await self._unused.wait()


class Handover(Generic[ConfigT, ItemT]):
    """Hands out the one item that serves now, and replaces it.

    ``make`` an item, ``open`` it; ``close`` is for one that was opened or whose opening failed, and never raises.
    ``failed`` is told what ``make`` or ``open`` raised, and how often in a row; it returns the seconds until the next
    try. ``taken_over`` is called when a new item serves from now on, before the one before it is closed; nothing else
    runs in between.
    """

    def __init__(
        self,
        make: Callable[[ConfigT], ItemT],
        open: Callable[[ItemT], Awaitable[None]],  # noqa: A002  (as in make, open, close)
        close: Callable[[ItemT], Awaitable[None]],
        *,
        failed: Callable[[Exception, int], float],
        taken_over: Callable[[ConfigT], None],
    ) -> None:
        self._make = make
        self._open = open
        self._close = close
        self._failed = failed
        self._taken_over = taken_over
        self._serving: Serving[ItemT] | None = None
        self._retired: set[Serving[ItemT]] = set()
        self._began = asyncio.Event()
        self._replacing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def serves(self) -> bool:
        return self._serving is not None

    def use(self) -> Serving[ItemT]:
        """What serves now; ``with`` it for the length of a call. Only once there is one."""
        assert self._serving is not None, "nothing serves yet"
        return self._serving

    async def ready(self) -> None:
        """Return when there is one that serves."""
        await self._began.wait()

    def begin(self, item: ItemT) -> None:
        """This one serves first; whoever made it opens it."""
        self._serving = Serving(item)
        self._began.set()

    def replace(self, config: ConfigT) -> None:
        """Open a new one, as often as it takes; it serves once it is open, and the one before is closed after its last
        call. Overtakes a replacement that is not open yet.
        """
        if self._replacing is not None:
            self._replacing.cancel()
        self._replacing = self._start(self._replace(config))

    async def close(self, seconds: float) -> None:
        """Stop opening, and close what is open, used or not. Never raises, and waits at most ``seconds`` for what
        should end, beside what ``close`` takes.
        """
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for serving in (*self._retired, *filter(None, [self._serving])):
            await self._close(serving.item)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _replace(self, config: ConfigT) -> None:
        item = await self._opened(config)
        before = self._serving
        self.begin(item)
        self._taken_over(config)
        if before is not None:
            self._retired.add(before)
            self._start(self._retire(before))

    async def _retire(self, serving: Serving[ItemT]) -> None:
        await serving.unused()
        await self._close(serving.item)
        self._retired.discard(serving)

    async def _opened(self, config: ConfigT) -> ItemT:
        failures = 0
        while True:
            item: ItemT | None = None
            try:
                item = self._make(config)
                await self._open(item)
            except asyncio.CancelledError:
                if item is not None:
                    await self._close(item)
                raise
            except Exception as error:  # noqa: BLE001  (a plugin may raise anything; the others must run)
                failures += 1
                pause = self._failed(error, failures)
                if item is not None:
                    await self._close(item)
                await asyncio.sleep(pause)
            else:
                return item
