"""The steps of writing a range at which a worker is killed, each once, when some partition is at its second range."""

import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from connectors.destinations.object_store.client import StoreClient
from hub.processors import index_keeping, range_writing
from hub.processors.range_writing import RangeWriter
from hub.processors.settlement import Settlement
from hub.processors.transport import SafeConsumer
from tests.chaos import connectors

_RANGE = 7


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _at(owner: Any, name: str, *, before: bool = False, call: int = _RANGE) -> Callable[[], None]:
    """Die when the coroutine function is called for the n-th time, before it does anything, or when it has ended."""

    def arm() -> None:
        original = getattr(owner, name)
        calls = 0

        async def dying(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            mine = calls
            if before and mine == call:
                _die()
            try:
                return await original(*args, **options)
            finally:
                if mine == call:
                    _die()

        setattr(owner, name, dying)

    return arm


def _in_the_middle_of_storing() -> None:
    write_page, calls = connectors.write_page, 0

    def dying(*args: Any) -> None:
        nonlocal calls
        write_page(*args)
        calls += 1
        if calls == 27:  # a range has up to ten pages
            _die()

    connectors.write_page = dying  # type: ignore[assignment]  # that is the point
    _at(StoreClient, "put", call=28)()  # the probe of its opening is the first


def _in_the_middle_of(name: str) -> Callable[[], None]:
    """Some outcomes of a range are written, or known to the index, and others are not."""

    def arm() -> None:
        range_writing._OUTCOMES_AT_ONCE = 7
        _at(Settlement, name, call=27)()

    return arm


STEPS: Mapping[str, Callable[[], None]] = {
    "before-the-seal": _at(RangeWriter, "_seal", before=True),
    "sealed": _at(RangeWriter, "_seal"),
    "storing": _in_the_middle_of_storing,
    "stored": _at(RangeWriter, "_store"),
    "some-outcomes": _in_the_middle_of("append"),
    "outcomes": _at(RangeWriter, "_settle"),
    "before-the-commit": _at(RangeWriter, "_commit", before=True),
    "committed": _at(RangeWriter, "_commit"),
    "some-remembered": _in_the_middle_of("remember"),
}


def save_at_once() -> None:
    """The outcome index is saved whenever something was learned: what it must not know then is in its files."""
    index_keeping._SAVE_AFTER = 0


def without_seal() -> None:
    """The control: a range ends where it ends, and nobody is told before it is stored."""

    async def unsealed(self: SafeConsumer, tp: Any, start: int, end: int) -> bool:
        return True

    SafeConsumer.seal = unsealed  # type: ignore[method-assign]  # that is the point
