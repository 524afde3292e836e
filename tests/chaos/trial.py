"""One run: a calm phase, one in which a destination is down, and a storm of faults; then everything is compared."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hub.log.topics import Topics
from tests.chaos.arena import Arena
from tests.chaos.checks import judge
from tests.chaos.collected import Collected
from tests.chaos.collecting import archived, collect, drained
from tests.chaos.events import ALERTS, ARCHIVE, HOOKS, SUBJECTS, WAREHOUSE, make_event
from tests.chaos.fault_proxy import Mode
from tests.chaos.faults import suffer
from tests.chaos.schedule import Fault, Window
from tests.chaos.verdict import Verdict
from tests.chaos.whole_hub import WholeHub

CALM, ONE_DOWN, STORM = "calm", f"{HOOKS} down", "faults"
_WARM_UP = SUBJECTS


@dataclass(frozen=True, slots=True)
class Plan:
    """``quiet`` events are posted in each of the phases before the storm, ``rate`` is in events per second."""

    events: int
    quiet: int
    rate: float
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Report:
    """``phases`` are the numbers of the events of each."""

    verdicts: Sequence[Verdict]
    phases: Mapping[str, range]
    collected: Collected
    seconds: float

    @property
    def violations(self) -> list[str]:
        return [f"{one.promise}: {violation}" for one in self.verdicts for violation in one.violations]


async def perform(plan: Plan, arena: Arena, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Post all events, let all faults happen, wait until the hub is done, and judge."""
    began = time.monotonic()
    quiet_end = _WARM_UP + 2 * plan.quiet
    phases = {
        CALM: range(_WARM_UP, _WARM_UP + plan.quiet),
        ONE_DOWN: range(_WARM_UP + plan.quiet, quiet_end),
        STORM: range(quiet_end, max(plan.events, quiet_end)),
    }
    await _post(arena, range(_WARM_UP), plan.rate)
    await drained(arena.hub)  # every worker is at work
    tell(f"{CALM}: {len(phases[CALM])} events")
    await _post(arena, phases[CALM], plan.rate)
    await drained(arena.hub)
    tell(f"{ONE_DOWN}: {len(phases[ONE_DOWN])} events")
    async with arena.proxies[HOOKS].misbehaving(Mode.REFUSE):
        await _post(arena, phases[ONE_DOWN], plan.rate)
    await drained(arena.hub)
    tell(f"{STORM}: {len(phases[STORM])} events, {len(plan.faults)} faults")
    windows = await _storm(plan, arena, phases[STORM], tell)
    tell("draining")
    lag = await drained(arena.hub)
    tell("comparing")
    collected = replace(
        await collect(
            arena.hub.kafka,
            Topics(),
            {HOOKS: arena.hooks.receipts, ALERTS: arena.slack.receipts},
            {WAREHOUSE: arena.database_url},
            {ARCHIVE: await asyncio.to_thread(archived, arena.s3, arena.bucket)},
        ),
        accepted=arena.sender.accepted,
        too_late=arena.too_late,
        lag=lag,
        unsigned=arena.hooks.unsigned,
        garbage=arena.garbage,
        windows=windows,
    )
    verdicts = [*judge(collected), *await asyncio.to_thread(ledger_agrees, arena.hub)]
    return Report(verdicts, phases, collected, time.monotonic() - began)


def ledger_agrees(hub: WholeHub) -> list[Verdict]:
    """What the hub says of its own ledger; nothing as long as it has no such command."""
    if not hub.has_command("ledger", "verify"):
        return []
    answer = hub.command("ledger", "verify")
    said = [] if answer.returncode == 0 else (answer.stdout + answer.stderr).splitlines()
    return [Verdict("hub ledger verify agrees", {"exit code": answer.returncode}, said)]


async def _storm(plan: Plan, arena: Arena, numbers: range, tell: Callable[[str], None]) -> list[Window]:
    before = len(arena.sender.accepted)

    def progress() -> float:
        return min(1.0, (len(arena.sender.accepted) - before) / max(1, len(numbers)))

    async with asyncio.TaskGroup() as group:
        suffering = group.create_task(suffer(arena, plan.faults, progress, tell))
        group.create_task(_post(arena, numbers, plan.rate))
    return suffering.result()


async def _post(arena: Arena, numbers: range, rate: float) -> None:
    await arena.sender.post_all(map(make_event, numbers), rate)
