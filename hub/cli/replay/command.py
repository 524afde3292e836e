"""``hub replay``: says what it would do; with ``--yes`` does it."""

from datetime import datetime
from pathlib import Path

import click

from connectors.api import ArchiveUnreadableError
from hub.cli.archives import archive_of, archive_option
from hub.cli.moments import Moment
from hub.cli.paced_writing import Rate
from hub.cli.replay.beginning import WrongReplayError, begin, resume
from hub.cli.replay.running import Stage, go_on, replay_events
from hub.cli.wiring import config_option, connection, fail, json_option, load_configuration, settings
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.records import NewerFormatError
from hub.replay.progress import ReplayFiles
from hub.supervisor import CONFIGURATION_ERROR


@click.command(name="replay", short_help="Deliver events out of the log again.")
@click.option("--route", help="By this route of hub.yaml, as its pattern is now.")
@click.option("--destination", "destinations", multiple=True, help="To this destination of the route; may be repeated.")
@click.option("--since", type=Moment(), help="Received since then.")
@click.option("--until", type=Moment(), help="Received before then.  [default: now]")
@click.option("--where", metavar="PATTERN", help="That also match this pattern, JSON or YAML, as `when` has them.")
@archive_option
@click.option("--notify", is_flag=True, help="Also to destinations where a repeat disturbs people.")
@click.option("--yes", is_flag=True, help="Do it. Without, only say what would be done.")
@click.option("--rate", type=Rate(), default="500/s", show_default=True, help="Deliveries per second.")
@click.option("--wait", "waiting", is_flag=True, help="Until every delivery has its end, and count them.")
@click.option("--resume", "resumed", metavar="ID", help="Go on with a replay that was stopped.")
@config_option
@json_option
def command(
    *,
    route: str | None,
    destinations: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    where: str | None,
    archive: str | None,
    notify: bool,
    yes: bool,
    rate: float,
    waiting: bool,
    resumed: str | None,
    config: Path,
    as_json: bool,
) -> None:
    """Deliver events of the past again: those of --route that were received in a time range; out of the log, or with
    --archive out of an archive, which may be older.

    First it reads the log and says how many match, and what a repeat does at each destination; nothing is written
    without --yes. Replayed deliveries have a lane of their own, so that live traffic overtakes them.

    Ctrl-C stops it, and --resume goes on, also after a crash: nothing is left out, and what is written twice is
    delivered once. Exit code 1: stopped, refused, or (with --wait) a delivery became a dead letter.
    """
    configuration = load_configuration(config)
    found = settings()
    files = ReplayFiles(found.home)

    def stage(named: str | None) -> Stage:
        reader = None if named is None else archive_of(named, configuration, found)
        return Stage(configuration, connection(found), files, rate, waiting=waiting, as_json=as_json, archive=reader)

    try:
        if resumed is not None:
            if route or destinations or since or until or where or archive:
                raise click.UsageError("--resume goes on with what was chosen when it began; leave that out.")
            replay = resume(configuration, files, resumed)
            named = None if replay.archive is None else replay.archive.archive
            raise SystemExit(go_on(stage(named), replay))
        if route is None or since is None:
            raise click.UsageError("Say what to replay: --route and --since (or --resume).")
        if waiting and not yes:
            raise click.UsageError("--wait waits for what --yes does; give both.")
        chosen = stage(archive)
        replay = begin(
            configuration,
            chosen.scanner,
            route_id=route,
            destinations=destinations,
            where=where,
            since=since,
            until=until,
            archive=archive,
        )
        raise SystemExit(replay_events(chosen, replay, notify=notify, yes=yes))
    except WrongReplayError as error:
        fail(str(error), CONFIGURATION_ERROR)
    except (LogAdminError, KafkaUnavailableError, NewerFormatError, ArchiveUnreadableError) as error:
        fail(str(error))
