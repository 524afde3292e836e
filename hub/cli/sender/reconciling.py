"""``hub gemini reconcile``."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from connectors.api import Reconciler, SenderApiError
from hub.cli.moments import Moment
from hub.cli.printing import event_json, printable, to_json
from hub.cli.sender.account import Chosen, choose, source_argument
from hub.cli.wiring import connection, fail, json_option
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.reader import LogReader, StoredEvent
from hub.log.records import NewerFormatError
from hub.log.topics import max_record_bytes
from hub.log.writer import LogWriter, WriteFailedError
from hub.reconciliation import Reconciliation, Result

_WINDOW = timedelta(hours=48)
_PENDING = 1000


@click.command(name="reconcile", short_help="Add the events whose webhook never came.")
@source_argument
@click.option("--since", type=Moment(), help="Jobs that ended since then.  [default: 48h]")
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Ask for this job, too; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only show them.")
@json_option
def command(
    source: str | None, config: Path, since: datetime | None, jobs: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Ask the sender which jobs have ended, and append an event for each that has none in the log.

    Needs an API key and no public URL. The Gemini API lists batches only: name an interaction (v1_…) or a video
    operation (models/…/operations/…) with --job. Events added so have `reconciled` as their evidence and an id made of
    job and type, so that running it again adds nothing.
    """
    chosen = choose(source, config, Reconciler)
    kafka = connection(chosen.settings)
    now = datetime.now(UTC)
    try:
        result = asyncio.run(_reconcile(chosen, kafka, since or now - _WINDOW, now, jobs, dry_run=dry_run))
    except (SenderApiError, KafkaUnavailableError, LogAdminError, NewerFormatError, WriteFailedError) as error:
        fail(str(error))
    if as_json:
        shown = [event_json(StoredEvent(-1, -1, event), body=True) for event in result.events]
        click.echo(to_json({"ended": result.ended, "waiting": result.waiting, "events": shown}))
        return
    for event in result.events:
        click.echo(printable(f"{'missing' if dry_run else 'added'}  {event.type}  {event.subject}"))
    waiting = f", {result.waiting} of them so recently that a webhook may still come" if result.waiting else ""
    click.echo(f"{result.ended} jobs have ended{waiting}; {len(result.events)} had no event")


async def _reconcile(
    chosen: Chosen, kafka: KafkaConnection, since: datetime, now: datetime, jobs: tuple[str, ...], *, dry_run: bool
) -> Result:
    configuration = chosen.configuration
    assert isinstance(chosen.source, Reconciler)
    await asyncio.to_thread(LogAdmin(kafka, configuration.layout).ensure)
    log = LogReader(kafka, configuration.topics)
    topic, partitions = configuration.topics.events, configuration.log.partitions
    reconciliation = Reconciliation(chosen.entry, chosen.source, log, topic, partitions)
    result = await reconciliation.look(since, now, jobs)
    if result.events and not dry_run:
        largest = max_record_bytes(configuration.max_body)
        writer = LogWriter(kafka, max_pending_records=_PENDING, max_pending_bytes=2 * largest, max_record_bytes=largest)
        await writer.start()
        try:
            await reconciliation.append(result.events, writer)
        finally:
            await writer.stop()
    return result
