"""The proof that the checks can fail: a situation for each safeguard, in which the hub loses something without it.

No moment is a matter of luck: what must be under way when a process is killed is held at the endpoint meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from tests.chaos.checks import judge
from tests.chaos.collecting import collect, drained
from tests.chaos.configuration import write_configuration
from tests.chaos.endpoints import HttpEndpoint
from tests.chaos.events import HOOKS, SUBJECTS, make_event
from tests.chaos.load import Sender, sender
from tests.chaos.safeguards import (
    ACKNOWLEDGED,
    EFFECT_FIRST,
    LUCK,
    OUTCOME_LAST,
    SUBJECT_ORDER,
    VERDICT,
    WATERMARK,
)
from tests.chaos.verdict import Verdict
from tests.chaos.whole_hub import WholeHub

_LONG = 120.0  # seconds; what is held at the endpoint must not time out
_EVENTS = 40
_AT_ONCE = 4  # not more than the hub delivers at once: none waits for another


@dataclass
class Stage:
    """A hub with one destination, the HTTP endpoint. ``safe``: nothing is switched off, so nothing may be lost."""

    hub: WholeHub
    sender: Sender
    hooks: HttpEndpoint
    safe: bool

    async def arrived(self, count: int) -> None:
        await self.hub.until(lambda: len(self.hooks.receipts) >= count, f"{count} arrive")

    async def held(self, count: int) -> None:
        await self.hub.until(lambda: len(self.hooks.held) >= count, f"{count} are held")

    async def committed(self) -> None:
        """Until everything is committed: the mistake is made. A hub that makes none never comes to that."""
        if not self.safe:
            await self.hub.until(self.hub.all_committed, "everything is committed")

    async def kill(self, name: str) -> None:
        """Kill -9, and return when another is there."""
        victim = self.hub.parts()[name]
        victim.kill()
        await self.hub.until(lambda: self.hub.parts().get(name, victim) != victim, f"another {name}")


@dataclass(frozen=True, slots=True)
class Control:
    """``happen`` is what happens to the hub; without ``safeguard``, the check named ``promise`` must find a violation.

    With it, none may: ``beside`` is what is switched off then all the same. ``own_broker``: it freezes the broker.
    """

    safeguard: str
    promise: str
    happen: Callable[[Stage], Awaitable[None]]
    beside: str | None = None
    own_broker: bool = False


async def one_is_slow_and_the_worker_dies(stage: Stage) -> None:
    stage.hooks.hold = lambda receipt: receipt.number == 0
    for number in range(_EVENTS):
        await stage.sender.post(make_event(number))
    await stage.held(1)
    await stage.arrived(_EVENTS - 1)
    await stage.committed()
    await stage.kill(HOOKS)
    stage.hooks.release()


async def all_are_under_way_and_the_worker_dies(stage: Stage) -> None:
    stage.hooks.hold = lambda _: True
    for number in range(_AT_ONCE):
        await stage.sender.post(make_event(number))
    await stage.held(_AT_ONCE)
    await stage.committed()
    await stage.kill(HOOKS)
    stage.hooks.release()


async def one_is_refused_for_good(stage: Stage) -> None:
    event = make_event(51)
    assert event.refused_by == HOOKS
    await stage.sender.post(event)


async def one_fails_once(stage: Stage) -> None:
    stage.hooks.stumble_over.add(1)
    await stage.sender.post(make_event(1))


async def everything_is_sent_twice(stage: Stage) -> None:
    events = [make_event(number) for number in range(_EVENTS)]
    for _ in range(2):
        for event in events:
            await stage.sender.post(event)
        await stage.arrived(_EVENTS)
    if not stage.safe:
        await stage.arrived(2 * _EVENTS)


async def the_broker_hangs_and_the_ingress_dies(stage: Stage) -> None:
    broker = stage.hub.jvm()
    assert broker is not None
    broker.suspend()
    try:
        # What is in flight may still arrive: it is in a buffer of the broker's. What waits behind it is not.
        posting = [asyncio.create_task(stage.sender.post(make_event(number))) for number in range(_EVENTS)]
        if not stage.safe:
            await stage.hub.until(lambda: len(stage.sender.accepted) == _EVENTS, "all are answered 2xx")
        await stage.kill("ingress")
    finally:
        broker.resume()
    await asyncio.gather(*posting)


async def the_second_of_a_subject_is_faster(stage: Stage) -> None:
    first, second = make_event(1), make_event(1 + SUBJECTS)
    stage.hooks.hold = lambda receipt: receipt.number == first.number
    await stage.sender.post(first)
    await stage.held(1)
    await stage.sender.post(second)
    if not stage.safe:
        await stage.arrived(1)
    stage.hooks.release()
    await stage.arrived(2)


CONTROLS: Mapping[str, Control] = {
    f"{control.safeguard}: {control.happen.__name__.replace('_', ' ')}": control
    for control in (
        Control(WATERMARK, "hooks: delivered + dead + discarded = decided", one_is_slow_and_the_worker_dies),
        Control(EFFECT_FIRST, "hooks: delivered + dead + discarded = decided", all_are_under_way_and_the_worker_dies),
        Control(OUTCOME_LAST, "hooks: only what it refuses is dead, and kept", one_is_refused_for_good, LUCK),
        Control(OUTCOME_LAST, "hooks: delivered + dead + discarded = decided", one_fails_once, LUCK),
        Control(VERDICT, "hooks: repeats only in faults, same id", everything_is_sent_twice),
        Control(
            ACKNOWLEDGED,
            "what was answered 2xx is in Kafka, byte for byte",
            the_broker_hangs_and_the_ingress_dies,
            own_broker=True,
        ),
        Control(SUBJECT_ORDER, "hooks: each subject in order", the_second_of_a_subject_is_faster),
    )
}


async def perform(control: Control, folder: Path, kafka: KafkaConnection, name: str, *, safe: bool) -> list[Verdict]:
    """Let it happen to a hub called ``name``, with the safeguard or (not ``safe``) without; every check's verdict."""
    off = control.beside if safe else control.safeguard
    hub = WholeHub(folder, kafka=None if control.own_broker else kafka, without=off)
    async with _stage(hub, name, safe=safe) as stage:
        await control.happen(stage)
        await hub.until_ready()
        lag = await drained(hub)
        collected = await collect(hub.kafka, Topics(name), {HOOKS: stage.hooks.receipts})
        return judge(replace(collected, accepted=stage.sender.accepted, lag=lag))


@asynccontextmanager
async def _stage(hub: WholeHub, name: str, *, safe: bool) -> AsyncIterator[Stage]:
    async with HttpEndpoint() as hooks:
        write_configuration(
            hub.configuration, name=name, http_url=f"http://127.0.0.1:{hooks.port}/hooks", timeout=_LONG
        )
        async with hub.running(), sender(hub.port) as posting:
            yield Stage(hub, posting, hooks, safe)
