"""A configuration that changes again and again under load: what is lost, what is undecided, when each worker switched.

``python -m tests.chaos.reloads [--rate 1000] [--seconds 12] [--workers 2]``: events are appended as an ingress would,
several worker processes route and deliver them into SQLite, and five revisions are applied one after the other.
"""

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from hub.log.embedded import EmbeddedBroker
from hub.log.records import encode_event
from hub.log.topics import Topics
from hub.log.writer import LogWriter
from schemas.outcome import OutcomeState
from tests.fixtures.change import Changing, monotone
from tests.fixtures.ports import broker_ports
from tests.fixtures.project import HUB, make_event, partition_of

EVERY = 0.05  # seconds between two bursts of events
SWITCHED = "events are decided by another revision from now on"
FROM_SENDERS = "when: {source: [github]}"
STORIES = (
    ("a destination more", "{{out: {out}, two: {two}}}", f"[{{id: all, to: [out, two], {FROM_SENDERS}}}]"),
    ("it is changed", "{{out: {out}, two: {two}}}", f"[{{id: all, to: [out, two], {FROM_SENDERS}}}]"),
    ("it is renamed", "{{out: {out}, three: {three}}}", f"[{{id: all, to: [out, three], {FROM_SENDERS}}}]"),
    ("it is removed", "{{out: {out}}}", f"[{{id: all, to: out, description: alone again, {FROM_SENDERS}}}]"),
    ("another route", "{{out: {out}}}", f"[{{id: other, was: all, to: out, {FROM_SENDERS}}}]"),
)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Arena:
    """A hub in a folder, with workers as processes."""

    def __init__(self, hub: Changing) -> None:
        self.hub = hub
        self.logs: dict[str, Path] = {}

    def destinations(self, shape: str, turn: int) -> str:
        url = f"sqlite:///{self.hub.folder}"
        two = f"{{type: database, url: '{url}/two.db', table: events, batch: {{max_records: {100 + turn}}}}}"
        return shape.format(
            out=f"{{type: database, url: '{url}/out.db', table: events}}", two=two, three=f"{two[:-1]}, was: two}}"
        )

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        self.logs[name] = self.hub.folder / f"{name}.log"
        environ = {**self.hub.environ, "HUB_HOME": str(self.hub.folder / name), "HUB_LOG_FORMAT": "json"}
        command = [*HUB, "worker", "--config", str(self.hub.folder / "hub.yaml")]
        with self.logs[name].open("ab") as log:
            return subprocess.Popen(command, cwd=self.hub.folder, env=environ, stdout=log, stderr=log)

    def lines(self, name: str, message: str) -> list[dict[str, str]]:
        text = self.logs[name].read_bytes()
        found = [json.loads(line) for line in text.splitlines() if line.startswith(b"{")]
        return [one for one in found if one["message"] == message]

    async def until_all(self, message: str, count: int) -> None:
        deadline = time.monotonic() + 60
        while any(len(self.lines(name, message)) < count for name in self.logs):
            assert time.monotonic() < deadline, f"not every worker said {message!r} {count} times"
            await asyncio.sleep(0.1)

    def until_done(self, ids: Sequence[str]) -> None:
        """Wait until everything has its end, not for ever."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (self.hub.undecided(ids) or self.hub.undelivered()):
            time.sleep(0.5)

    def rows(self, database: str) -> Counter[str]:
        with closing(sqlite3.connect(self.hub.folder / f"{database}.db")) as connection:
            return Counter(row[0] for row in connection.execute("SELECT id FROM events"))


async def load(hub: Changing, rate: int, stop: asyncio.Event) -> list[str]:
    """Append events at a steady rate until told to stop; their ids."""
    ids: list[str] = []
    writer = LogWriter(hub.kafka, max_pending_records=100_000, max_pending_bytes=10**8, max_record_bytes=10**6)
    await writer.start()
    began = time.monotonic()
    while not stop.is_set():
        due = int((time.monotonic() - began) * rate) - len(ids)
        events = [make_event(f"e{len(ids) + n}", subject=f"s{(len(ids) + n) % 500}") for n in range(due)]
        ids += [event.id for event in events]
        await asyncio.gather(
            *(writer.append(hub.topics.events, partition_of(one), encode_event(one)) for one in events)
        )
        await asyncio.sleep(EVERY)
    await writer.stop()
    took = time.monotonic() - began
    say(f"{len(ids):,} events in {took:.1f} s, {len(ids) / took:,.0f} a second")
    return ids


async def changes(arena: Arena, seconds: float) -> list[str]:
    """Apply one revision after the other, and say when each worker had switched; the revisions."""
    order = [arena.hub.revision()]
    await asyncio.sleep(seconds)
    for turn, (what, shape, routes) in enumerate(STORIES, start=1):
        order.append(await arena.hub.apply(arena.destinations(shape, turn), routes, what))
        applied = json.loads((await asyncio.to_thread(arena.hub, "history", "--json")).stdout)[0]["at"]
        await arena.until_all(SWITCHED, turn)
        say(f"{what}: revision {order[-1]}")
        for name in arena.logs:
            moment = arena.lines(name, SWITCHED)[turn - 1]["time"]
            after = (datetime.fromisoformat(moment) - datetime.fromisoformat(applied)).total_seconds()
            say(f"  {name} switched at {moment}, {after:.2f} s after it was applied")
        await asyncio.sleep(seconds)
    return order


def verdict(arena: Arena, ids: Sequence[str], order: Sequence[str]) -> bool:
    hub = arena.hub
    decisions = hub.decisions()
    by_revision = Counter(one.revision for each in decisions.values() for one in each)
    undecided, undelivered = hub.undecided(ids), hub.undelivered()
    lost = set(ids) - set(arena.rows("out"))
    repeated = sum(count - 1 for count in arena.rows("out").values())
    attempts = Counter(one.state for name in ("out", "two", "three") for one in hub.outcomes(name))
    say("decided by revision: " + ", ".join(f"{revision} {by_revision[revision]:,}" for revision in order))
    say(f"undecided {len(undecided)}, lost {len(lost)}, without an end {len(undelivered)}, rows twice {repeated}")
    say(f"attempts delivered {attempts[OutcomeState.DELIVERED]:,}, failed {attempts[OutcomeState.FAILED]:,}")
    steady = monotone(decisions, order)
    say(f"no partition went back to an earlier revision: {'yes' if steady else 'NO'}")
    return not (undecided or lost or undelivered or repeated) and steady and len(by_revision) == len(order)


async def run(arena: Arena, rate: int, seconds: float, workers: int) -> bool:
    processes = [arena.start(f"worker-{number + 1}") for number in range(workers)]
    stop = asyncio.Event()
    try:
        await arena.until_all("worker runs", 1)
        loading = asyncio.create_task(load(arena.hub, rate, stop))
        order = await changes(arena, seconds)
        stop.set()
        ids = await loading
        await asyncio.to_thread(arena.until_done, ids)
        return await asyncio.to_thread(verdict, arena, ids, order)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=1000, help="events a second")
    parser.add_argument("--seconds", type=float, default=8.0, help="between two revisions")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedBroker(Path(folder) / "kafka", ports=broker_ports(), train=False) as broker,
    ):
        home = Path(folder) / "hub"
        home.mkdir()
        hub = Changing(home, broker.start(), Topics("hub"), "{out: {type: console}}", "[]")
        arena = Arena(hub)
        hub.configure(arena.destinations("{{out: {out}}}", 0), f"[{{id: all, to: out, {FROM_SENDERS}}}]")
        hub.admin.ensure()
        fine = asyncio.run(run(arena, given.rate, given.seconds, given.workers))
    say("nothing is missing" if fine else "SOMETHING IS WRONG")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
