"""What most commands begin with: the settings, the configuration, and where Kafka is. Failures end the command."""

import gc
import logging
import os
import signal
import threading
import time
from ipaddress import ip_network
from pathlib import Path
from typing import NoReturn

import click

from hub.config.load import ConfigurationError, load
from hub.config.logging import configure_logging
from hub.config.model import Configuration
from hub.config.settings import Settings, SettingsError, read_settings
from hub.log.connection import KafkaConnection, KafkaPropertyError
from hub.log.embedded import cluster_of, running_address
from hub.log.topics import Topics
from hub.supervisor import CONFIGURATION_ERROR, end_with_supervisor

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("hub.yaml"),
    show_default=True,
    help="The configuration: a file, or a folder whose *.yaml are merged.",
)
_MOVED_EVERY = 1.0  # seconds

heartbeat_option = click.option(
    "--heartbeat",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Touch this file every 2 s while the work goes on, for whoever watches.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def proxies(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Callback of an option: refuse what is no list of addresses and networks, which uvicorn would never match."""
    for each in (value or "").split(","):
        try:
            if each.strip() not in {"", "*"}:
                ip_network(each.strip())
        except ValueError as error:
            raise click.BadParameter(f"{error}; give addresses or networks, or * for all", param=option) from None
    return value


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command: what happened and what to do, on standard error."""
    click.echo(f"hub: {message}", err=True)
    raise SystemExit(code)


def settings() -> Settings:
    """The environment's settings, with logging set up as they say. Exits with 2 on a value that means nothing."""
    try:
        found = read_settings(os.environ)
    except SettingsError as error:
        fail(str(error), CONFIGURATION_ERROR)
    configure_logging(found.log_level, found.log_format)
    for warning in found.unknown:
        logging.getLogger(__name__).warning(warning)
    return found


def service_settings() -> Settings:
    """``settings`` for a long-running part: it also ends when the supervisor that started it does."""
    end_with_supervisor()
    return settings()


def end_when_kafka_moves(found: Settings, kafka: KafkaConnection) -> None:
    """In a service: when the embedded broker came back at another address (its port was taken while it was away), end
    as on SIGTERM; the supervisor starts the part anew, which then asks where the broker is.
    """
    if found.kafka is not None:
        return

    def watch() -> None:
        while running_address(found.home) in {None, kafka.bootstrap}:
            time.sleep(_MOVED_EVERY)
        logging.getLogger(__name__).warning("Kafka has moved, starting anew", extra={"from": kafka.bootstrap})
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="kafka address", daemon=True).start()


def spare_the_garbage_collector() -> None:
    """Call it in a service once everything is loaded and before the first event.

    What is loaded stays, and going through it takes 75 ms each time; thousands of records are alive at once, none of
    them in a cycle. Collecting took a fifth of the ingress's CPU, an eighth of the worker's, and made the p99.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def path_of(path: Path | None, config: Path | None) -> Path:
    """The configuration that PATH or --config names, `hub.yaml` unless told."""
    if path is not None and config is not None and path != config:
        raise click.UsageError("PATH and --config name two configurations; give one.")
    return path or config or Path("hub.yaml")


def load_configuration(path: Path) -> Configuration:
    """Read ``hub.yaml``. Exits with 2, every problem on a line of its own, when it cannot be used."""
    return load_for_a_look(path, expand=True)


def load_for_a_look(path: Path, *, expand: bool) -> Configuration:
    """As `load_configuration`; without ``expand``, variables may be unset: good to look at, not to run."""
    if not path.exists():
        fail(f"there is no {path}; `hub init` writes one, `--config` names another", CONFIGURATION_ERROR)
    try:
        return load(path, os.environ, expand=expand)
    except ConfigurationError as error:
        click.echo(str(error), err=True)
        raise SystemExit(CONFIGURATION_ERROR) from error


def hub_name(path: Path) -> str:
    """The name that prefixes the topics: from the configuration where there is one, else the default."""
    return load_configuration(path).name if path.exists() else Topics().hub


def connection(found: Settings) -> KafkaConnection:
    """HUB_KAFKA, or the embedded broker of this HUB_HOME. Exits with 1 when there is neither, with 2 when it cannot be
    used as the environment says.
    """
    address = found.kafka or running_address(found.home)
    if address is None:
        fail(f"no Kafka: the broker of {found.home} is not running; start it with `hub up`, or set HUB_KAFKA")
    cluster = None if found.kafka else cluster_of(found.home)
    try:
        made = KafkaConnection(address, found.kafka_properties, cluster_id=cluster)
        made.aiokafka()  # certificates are not read before, and then in the middle of the work
    except KafkaPropertyError as error:
        fail(str(error), CONFIGURATION_ERROR)
    return made
