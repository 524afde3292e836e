"""``--archive NAME|URL``: the archive of a destination, or one named by its address."""

import logging

import click
from pydantic import ValidationError

from connectors.api import ArchiveReader, Context, OutgoingHttp
from connectors.registry import Registry
from hub.cli.wiring import fail
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.supervisor import CONFIGURATION_ERROR

BY_URL = "object_store"
"""The type of destination whose archive a URL names."""

archive_option = click.option(
    "--archive",
    metavar="NAME|URL",
    help="Not from the log: from the archive of this destination of hub.yaml, or at this URL (s3://…, gs://…, az://…, "
    "file:///…).",
)


def archive_of(name: str, configuration: Configuration | None, found: Settings) -> ArchiveReader:
    """Ends the command with 2 where there is no such archive; nothing is read yet."""
    http = OutgoingHttp(allow_private=found.allow_private)
    context = Context(name, found.home, logging.getLogger("hub.archive"), http)
    entries = {} if configuration is None else configuration.destinations
    destination: object = None
    if name in entries:
        destination = entries[name].connector(entries[name].config, context)
    elif "://" in name:
        connector = Registry.installed().destination(BY_URL)
        try:
            destination = connector(connector.config_model.model_validate({"url": name}), context)
        except ValidationError as error:
            fail(f"--archive {name}: {error.errors()[0]['msg'].removeprefix('Value error, ')}", CONFIGURATION_ERROR)
    if not isinstance(destination, ArchiveReader):
        known = [each.name for each in entries.values() if issubclass(each.connector, ArchiveReader)]
        fail(
            f"--archive {name}: expected a destination that keeps an archive "
            f"({', '.join(known) or 'hub.yaml has none'}), or a URL such as s3://BUCKET/PREFIX or file:///PATH",
            CONFIGURATION_ERROR,
        )
    return destination
