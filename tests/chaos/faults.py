"""Makes hazards come true: every fault is a block, which injects it on entering and heals it on leaving."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from tests.chaos.arena import Arena
from tests.chaos.database_faults import deadlock, locked_table, restarted_database
from tests.chaos.events import ARCHIVE, HOOKS
from tests.chaos.fault_proxy import Mode
from tests.chaos.message_faults import flood, garbage, reused_ids, skewed_sender
from tests.chaos.process_faults import (
    broken_rules,
    broker_down,
    coming_and_going,
    frozen,
    full_disk,
    killed,
    killed_supervisor,
)
from tests.chaos.schedule import Fault, Kind, Window
from tests.fixtures.s3_faults import Fault as PutFault

Inject = Callable[[Arena, Fault], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def bad_network(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    async with arena.proxies[fault.hazard.target].misbehaving(Mode(fault.hazard.detail)):
        yield


@asynccontextmanager
async def bad_answers(arena: Arena, fault: Fault) -> AsyncIterator[None]:
    if fault.hazard.target == ARCHIVE:
        with arena.store.failing(PutFault(fault.hazard.detail)):
            yield
        return
    endpoint = arena.hooks if fault.hazard.target == HOOKS else arena.slack
    with endpoint.answering(int(fault.hazard.detail)):
        yield


FAULTS: Mapping[Kind, Inject] = {
    Kind.KILL: killed,
    Kind.FREEZE: frozen,
    Kind.KILL_SUPERVISOR: killed_supervisor,
    Kind.BROKER_DOWN: broker_down,
    Kind.REBALANCE: coming_and_going,
    Kind.DISK_FULL: full_disk,
    Kind.NETWORK: bad_network,
    Kind.ANSWER: bad_answers,
    Kind.DATABASE_RESTART: restarted_database,
    Kind.DATABASE_LOCK: locked_table,
    Kind.DATABASE_DEADLOCK: deadlock,
    Kind.SKEW: skewed_sender,
    Kind.GARBAGE: garbage,
    Kind.FLOOD: flood,
    Kind.REUSE: reused_ids,
    Kind.BROKEN_RULES: broken_rules,
}


async def suffer(
    arena: Arena, faults: Sequence[Fault], progress: Callable[[], float], tell: Callable[[str], None] = lambda _: None
) -> list[Window]:
    """Let each come true when its share of the load is done, side by side; returns when all are healed.

    ``progress`` is that share, 0 to 1; it must reach 1 by itself.
    """
    turns: dict[str, asyncio.Lock] = {}
    windows: list[Window] = []

    async def one(fault: Fault) -> None:
        async with turns.setdefault(fault.hazard.target, asyncio.Lock()):
            began = time.time()
            tell(f"fault {fault.number}: {fault}")
            async with FAULTS[fault.hazard.kind](arena, fault):
                await asyncio.sleep(fault.lasts)
            windows.append(Window(fault, began, time.time()))
            tell(f"fault {fault.number} healed")

    async with asyncio.TaskGroup() as group:
        for fault in faults:
            while progress() < fault.at:  # noqa: ASYNC110  (the load tells nobody)
                await asyncio.sleep(0.02)
            group.create_task(one(fault))
    return windows
