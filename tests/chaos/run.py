"""The long run, for `make chaos`: ``python -m tests.chaos.run --events 200000 --faults 100 --seed 7``.

It prints what happened as it happens, then each check with its counts, the latencies, and the verdicts of the controls.
It exits with 1 when a promise is broken, or when a control does not find its loss. The hub's folder is kept then.
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from hub.log.embedded import EmbeddedBroker
from tests.chaos import controls, trial
from tests.chaos.arena import arena, own_postgres, own_s3
from tests.chaos.database_faults import deadlocks
from tests.chaos.disks import can_mount
from tests.chaos.events import ALERTS, ARCHIVE, HOOKS, WAREHOUSE
from tests.chaos.figures import Latency, latency
from tests.chaos.schedule import DISK_HAZARDS, HAZARDS, schedule
from tests.fixtures.ports import broker_ports

_SHOWN = 20  # violations of one check
_QUIET_SHARE, _MOST_QUIET = 0.05, 5000  # of the events, in each phase without faults

console = Console(width=160, highlight=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=250.0, help="events per second")
    parser.add_argument("--no-controls", action="store_true", help="only the run, not the proof that it can fail")
    given = parser.parse_args()
    sys.exit(0 if uvloop.run(run_all(given)) else 1)


async def run_all(given: argparse.Namespace) -> bool:
    """Whether every promise was kept and every control found its loss. SIGTERM and Ctrl-C leave nothing behind."""
    whole = asyncio.current_task()
    assert whole is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, whole.cancel)
    kept = await run(given.events, given.faults, given.seed, given.rate)
    return (given.no_controls or await run_controls()) and kept


async def run(events: int, faults: int, seed: int, rate: float) -> bool:
    """Whether every promise was kept."""
    disks = can_mount()
    hazards = (*HAZARDS, *(DISK_HAZARDS if disks else ()))
    if not disks:
        tell("no file system can be mounted here: no disk will be full")
    quiet = min(_MOST_QUIET, int(events * _QUIET_SHARE))
    plan = trial.Plan(events, quiet, rate, schedule(seed, faults, hazards))
    folder = Path(tempfile.mkdtemp(prefix="hub-chaos-"))
    async with (
        own_postgres() as postgres,
        own_s3() as s3,
        arena(folder, postgres, postgres.url(), s3, disks=disks) as everything,
    ):
        report = await trial.perform(plan, everything, tell)
        broken_by_database = await deadlocks(postgres.url())
    show_checks(report)
    show_latencies(report)
    injected = Counter(window.fault.hazard.kind for window in report.collected.windows)
    console.print(
        f"\n{injected.total()} faults, {len(report.collected.accepted):,} requests answered 2xx, seed {seed}, "
        f"{report.seconds:,.0f} s"
    )
    console.print(", ".join(f"{kind}: {count}" for kind, count in injected.items()))
    console.print(
        f"hub up was started {everything.hub.starts} times; the sender tried {everything.sender.tries:,} times; "
        f"PostgreSQL broke {broken_by_database} deadlocks"
    )
    if report.violations:
        console.print(f"[red]the hub's folder is kept: {folder}[/]")
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


async def run_controls() -> bool:
    """Whether every control finds the loss it is there for, and with the safeguard nothing is lost."""
    table = Table(title="without a safeguard", title_justify="left")
    for column in ("safeguard switched off", "check that must fail", "", "what it found", "with it"):
        table.add_column(column, overflow="fold")
    all_found = True
    with tempfile.TemporaryDirectory() as broker_home:
        broker = EmbeddedBroker(Path(broker_home), ports=broker_ports(), train=False)
        kafka = await asyncio.to_thread(broker.start)
        try:
            for number, (name, control) in enumerate(controls.CONTROLS.items()):
                with tempfile.TemporaryDirectory() as folder:
                    verdicts = await controls.perform(control, Path(folder), kafka, f"control-{number}", safe=False)
                found = [
                    one for verdict in verdicts if verdict.promise == control.promise for one in verdict.violations
                ]
                with tempfile.TemporaryDirectory() as folder:
                    safe = await controls.perform(control, Path(folder), kafka, f"safe-{number}", safe=True)
                kept = all(verdict.kept for verdict in safe)
                all_found = all_found and bool(found) and kept
                shown = f"{len(found)}: {found[0]}" if found else ""
                table.add_row(name, control.promise, _mark(bool(found)), shown, _mark(kept))
        finally:
            await asyncio.to_thread(broker.stop)
    console.print(table)
    return all_found


def show_checks(report: trial.Report) -> None:
    table = Table(title="checks", title_justify="left")
    for column in ("promise", "", "counts"):
        table.add_column(column, overflow="fold")
    for verdict in report.verdicts:
        counts = ", ".join(f"{name} {count:,}" for name, count in verdict.counts.items())
        table.add_row(verdict.promise, _mark(verdict.kept), counts)
    console.print(table)
    for verdict in report.verdicts:
        for violation in verdict.violations[:_SHOWN]:
            console.print(f"[red]{verdict.promise}[/]: {violation}")
        if len(verdict.violations) > _SHOWN:
            console.print(f"… and {len(verdict.violations) - _SHOWN:,} more")


def show_latencies(report: trial.Report) -> None:
    table = Table(title="request sent → destination has it", title_justify="left")
    for column in ("destination", *report.phases, f"{trial.ONE_DOWN} / {trial.CALM}"):
        table.add_column(column)
    for name in (WAREHOUSE, ALERTS, HOOKS, ARCHIVE):
        phases = {phase: latency(report.collected, name, numbers) for phase, numbers in report.phases.items()}
        calm, down = phases[trial.CALM], phases[trial.ONE_DOWN]
        ratio = f"{down.p50 / calm.p50:.2f} of p50, {down.p99 / calm.p99:.2f} of p99" if calm and down else ""
        table.add_row(name, *(_latency(one) for one in phases.values()), "" if name == HOOKS else ratio)
    console.print(table)


def _latency(one: Latency | None) -> str:
    return f"p50 {one.p50:,.1f} ms  p99 {one.p99:,.1f} ms  ({one.events:,})" if one else ""


def _mark(good: bool) -> str:
    return "[green]✓[/]" if good else "[red]✗[/]"


def tell(what: str) -> None:
    console.print(f"{time.strftime('%H:%M:%S')} {what}")


if __name__ == "__main__":
    main()
