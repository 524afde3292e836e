"""The demo's story: start the hub, send it signed events, see each one arrive."""

import asyncio
import logging
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import aiohttp
import click

from connectors.api import ArchiveReader, Context, OutgoingHttp
from hub.cli.demo.events import Signed, signed_events
from hub.cli.demo.jobs import POLLED_EVERY, SPEED, await_end, can_submit, submit
from hub.cli.demo.slack import SlackEndpoint, slack_endpoint
from hub.cli.demo.stage import Stage, free_port
from hub.cli.wiring import settings
from hub.client import HubError
from hub.config.load import load
from hub.supervisor import Part, Supervisor

FIRST_START = 300.0  # seconds: the first start fetches Kafka
ARRIVAL = 60.0  # seconds
EMULATOR_PORT = 8931
HUB = [sys.executable, "-P", "-m", "hub"]


class DemoFailedError(Exception):
    """Something did not happen in time; the message says what, and where to look."""


@click.command(name="demo", short_help="See the main job end to end.")
@click.option("--once", is_flag=True, help="Check that everything arrived, stop, and exit 0 or 1.")
@click.option("--port", default=8080, show_default=True, help="Port of the ingress; another one is taken if in use.")
def command(once: bool, port: int) -> None:
    """Start a hub, send it signed events, and show each one arrive.

    What it writes is below .hub/demo, and stays for the next time.
    """
    home = (settings().home / "demo").resolve()
    sys.exit(asyncio.run(_play(home, free_port(port), once=once)))


async def _play(home: Path, port: int, *, once: bool) -> int:
    async with slack_endpoint() as slack:
        stage = Stage(home, port, free_port(EMULATOR_PORT), slack.url)
        stage.set_up()
        up = [*HUB, "up", "--config", str(stage.config), "--port", str(port)]
        emulate = [*HUB, "emulate", "gemini", "--port", str(stage.emulator_port), "--speed", str(SPEED), "--quiet"]
        parts = [Part("emulator", emulate, 20.0, stage.environ)] if can_submit() else []
        supervisor = Supervisor([*parts, Part("hub", up, 120.0, stage.environ)])
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, supervisor.stop)
        running = asyncio.create_task(supervisor.run())
        telling = asyncio.create_task(_tell(stage, slack))
        try:
            await asyncio.wait({running, telling}, return_when=asyncio.FIRST_COMPLETED)
            if not telling.done():
                return _failed("the hub stopped before everything had arrived")
            telling.result()
            if not once:
                click.echo("\nThe hub stays up. Ctrl-C ends it.")
                await running
        except DemoFailedError as error:
            return _failed(str(error))
        finally:
            telling.cancel()
            supervisor.stop()
            await running
        return 0


async def _tell(stage: Stage, slack: SlackEndpoint) -> None:
    _title("Starting the hub (the first time, it fetches Apache Kafka)")
    await _until_ready(f"{stage.base}/readyz", "the hub", stage)
    _title("Sending signed webhooks")
    sent = await _send(stage)
    _title(
        "Arriving: rows in SQLite (warehouse), messages at the Slack endpoint (alerts), objects in a folder (archive)"
    )
    await _show_arrivals(stage, slack, sent)
    await _show_archive(stage, {event.id for event in sent})
    try:
        jobs = await _show_jobs(stage, slack)
    except (HubError, aiohttp.ClientError, TimeoutError) as error:
        raise DemoFailedError(f"{str(error) or 'no answer in time'}; the logs above say why") from error
    _title("On record in Kafka")
    await _show_topics(stage)
    events = len(sent) + jobs
    click.secho(f"\nAll {events} events arrived: {events} rows, {len(slack.messages)} messages.", fg="green")
    _suggest(stage, sent)


async def _until_ready(url: str, what: str, stage: Stage) -> None:
    deadline = time.monotonic() + FIRST_START
    async with _http() as http:
        while time.monotonic() < deadline:
            try:
                async with http.get(url) as response:
                    if response.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError):
                pass  # nobody listens yet
            await asyncio.sleep(0.2)
    raise DemoFailedError(f"{what} did not get ready within {FIRST_START:.0f} s; see {stage.home}/logs")


async def _send(stage: Stage) -> list[Signed]:
    sent = signed_events(load(stage.config, stage.environ), stage.secret)
    async with _http() as http:
        for event in sent:
            url = f"{stage.base}/in/{event.source}"
            async with http.post(url, data=event.body, headers=event.headers) as response:
                click.echo(f"  POST /in/{event.source:<7} {event.type:<28} → {response.status}  {event.id}")
                if response.status != 202:
                    raise DemoFailedError(f"{event.type} was answered {response.status}: {await response.text()}")
    return sent


async def _show_arrivals(stage: Stage, slack: SlackEndpoint, sent: Sequence[Signed]) -> None:
    expected_messages = sum(event.alerts for event in sent)
    rows: set[str] = set()
    messages = 0
    deadline = time.monotonic() + ARRIVAL
    while len(rows) < len(sent) or messages < expected_messages:
        if time.monotonic() > deadline:
            raise DemoFailedError(
                f"after {ARRIVAL:.0f} s there are {len(rows)} of {len(sent)} rows and {messages} of "
                f"{expected_messages} Slack messages; the hub's log above says why"
            )
        for event_id, line in _rows(stage, [event.id for event in sent]):
            if event_id not in rows:
                rows.add(event_id)
                click.echo(f"  SQLite  {line}")
        for text in slack.messages[messages:]:
            messages += 1
            click.echo(f"  Slack   {text}")
        await asyncio.sleep(0.1)


async def _show_archive(stage: Stage, ids: Collection[str]) -> None:
    """Every event, read back out of its object."""
    entry = load(stage.config, stage.environ).destinations["archive"]
    context = Context(entry.name, stage.home, logging.getLogger(__name__), OutgoingHttp())
    archive = entry.connector(entry.config, context)
    assert isinstance(archive, ArchiveReader)
    shown: set[str] = set()
    deadline = time.monotonic() + ARRIVAL
    while True:
        found: dict[str, list[str]] = {}
        async for objects in archive.objects():
            for each in objects:
                found[each.key] = [event.id async for events in archive.events(each.key) for event in events]
        for key in sorted(set(found) - shown):
            if mine := [event_id for event_id in found[key] if event_id in ids]:
                shown.add(key)
                click.echo(f"  Archive {len(mine)} in {key}")
        if set(ids) <= {event_id for events in found.values() for event_id in events}:
            return
        if time.monotonic() > deadline:
            raise DemoFailedError(
                f"after {ARRIVAL:.0f} s the archive in {stage.home}/archive does not have every event"
            )
        await asyncio.sleep(0.2)


async def _show_jobs(stage: Stage, slack: SlackEndpoint) -> int:
    """How many there were."""
    if not can_submit():
        click.echo("\n(With `pip install 'event-hub[gemini]'`, jobs of the Gemini API are part of this.)")
        return 0
    _title(f"Gemini jobs, submitted by Google's client to the emulator ({SPEED} times as fast), with metadata")
    messages = len(slack.messages)
    await _until_ready(f"{stage.emulator}/emulator/status", "the emulator", stage)
    jobs = await submit(stage.emulator, stage.base)
    for job in jobs:
        click.echo(f"  {job.kind:<11} {_shortened(job.name)}  {job.metadata}")
    _title("Each tells the hub when it ends: no program polls")
    ended = []
    for next_one in asyncio.as_completed([await_end(job, stage.emulator, stage.api) for job in jobs]):
        one = await next_one
        ended.append(one)
        click.echo(
            f"  {one.job.kind:<11} {one.event.type:<22} endpoint {one.event.endpoint:<9} end → row in SQLite "
            f"{one.effect:4.0f} ms"
        )
    deadline = time.monotonic() + ARRIVAL
    while len(slack.messages) == messages:
        if time.monotonic() > deadline:
            raise DemoFailedError("no Slack message came for the urgent job; the hub's log above says why")
        await asyncio.sleep(0.1)
    click.echo(f"  Slack   {slack.messages[-1]}")
    polls, would_be = sum(one.polls for one in ended), sum(one.would_be for one in ended)
    click.echo(f"  Requests that asked whether a job has ended: {polls}; at one in {POLLED_EVERY:.0f} s, {would_be}.")
    return len(jobs)


def _shortened(name: str) -> str:
    return name if len(name) <= 48 else f"{name[:47]}…"


def _rows(stage: Stage, ids: Sequence[str]) -> Iterator[tuple[str, str]]:
    if not stage.database.exists():
        return
    with closing(sqlite3.connect(f"file:{stage.database}?mode=ro", uri=True)) as database:
        try:
            found = database.execute("SELECT id, source, type, subject FROM events ORDER BY received").fetchall()
        except sqlite3.OperationalError:
            return  # the table is made with the first delivery
    for event_id, source, event_type, subject in found:
        if event_id in set(ids):
            yield event_id, f"{source:<7} {event_type:<28} {subject or ''}"


async def _show_topics(stage: Stage) -> None:
    argv = [*HUB, "topics", "--config", str(stage.config)]
    process = await asyncio.create_subprocess_exec(*argv, env=stage.environ)
    if await process.wait() != 0:
        raise DemoFailedError("hub topics could not read the log")


def _suggest(stage: Stage, sent: Sequence[Signed]) -> None:
    program = _program()
    hub = f"HUB_HOME={stage.home} {program}"
    click.echo("\nTry next, in a second terminal:")
    click.echo(f"  {hub} events list")
    click.echo(f"  {hub} events show {sent[0].id}")
    click.echo(f"  {hub} send gemini --sample batch.failed --config {stage.config} --url {stage.base}")
    click.echo(f"  sqlite3 {stage.database} .dump")
    click.echo(f"  {hub} replay --archive archive --route keep-everything --since 1h --config {stage.config}")
    click.echo(f"  {program} init gemini && {program} up        (a hub of your own; stop this one first)")


def _program() -> str:
    """How to call ``hub`` here: by name where it is on the path, else by its file."""
    called = Path(sys.argv[0])
    if shutil.which("hub") == str(called) or not called.is_file():
        return "hub"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)


def _http() -> aiohttp.ClientSession:
    return OutgoingHttp(allow_private=True).session(timeout=timedelta(seconds=10))


def _title(text: str) -> None:
    click.secho(f"\n{text}", bold=True)


def _failed(message: str) -> int:
    click.secho(f"\ndemo: {message}", fg="red", err=True)
    return 1
