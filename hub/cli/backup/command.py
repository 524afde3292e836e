"""The two commands."""

from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.backup.folder import BackupError, read_backup, write_backup
from hub.cli.up import only_one_hub
from hub.cli.wiring import fail, settings
from hub.log.embedded import cluster_of, running_address
from hub.supervisor import CONFIGURATION_ERROR


@click.command(name="backup", short_help="Write the data folder into one file.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write the data folder (HUB_HOME, .hub) into FILE: the embedded Kafka with every event, what was committed, and
    whatever else the hub keeps there. Stop the hub first: senders repeat what comes meanwhile.

    With HUB_KAFKA the log is not in that folder: back up the cluster by its own means, too.
    """
    home = settings().home
    if not home.is_dir():
        fail(f"there is nothing in {home}; HUB_HOME names another data folder", CONFIGURATION_ERROR)
    if file.exists():
        fail(f"{file} exists; name another file, or remove it", CONFIGURATION_ERROR)
    with only_one_hub(home):
        _no_broker(home)
        try:
            manifest = write_backup(home, file, cluster_of(home))
        except OSError as error:
            fail(f"cannot write {file}: {error.strerror or error}")
    click.echo(f"{file}: {len(manifest.sums):,} files, {file.stat().st_size / 1e6:,.1f} MB")


@click.command(name="restore", short_help="Make the data folder out of a backup.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Put an existing data folder aside, under a name with the time.")
def restore(file: Path, replace: bool) -> None:
    """Make the data folder (HUB_HOME, .hub) out of FILE, checked byte for byte. Then `hub up` goes on where it was.

    What was delivered after the backup is delivered again where a destination does not know it already.
    """
    home = settings().home
    if home.exists() and any(home.iterdir()):
        if not replace:
            fail(f"{home} is not empty; --replace puts it aside, HUB_HOME names another place", CONFIGURATION_ERROR)
        with only_one_hub(home):
            _no_broker(home)
        home.rename(home.with_name(f"{home.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
    elif home.exists():
        home.rmdir()
    try:
        manifest = read_backup(file, home)
    except BackupError as error:
        fail(str(error))
    except OSError as error:
        fail(f"cannot restore {file}: {error.strerror or error}")
    click.echo(f"{home}: {len(manifest.sums):,} files, as of {manifest.made}")


def _no_broker(home: Path) -> None:
    if running_address(home) is not None:
        fail(f"the broker of {home} runs; stop `hub broker`, or whatever started it", CONFIGURATION_ERROR)
