"""``hub up``: everything on one machine, supervised."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import click

from hub.cli.wiring import config_option, fail, load_configuration, service_settings
from hub.config.model import Configuration, Durability
from hub.config.settings import Settings
from hub.log.embedded import running_address
from hub.supervisor import Part, Supervisor

DRAIN_SECONDS = 40.0
"""How long the supervisor waits for a part: longer than any part's own deadline, so that theirs decide."""


@click.command(name="up", short_help="Run everything on this machine.")
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address the ingress listens on.")
@click.option("--port", default=8080, show_default=True, help="Port the ingress listens on.")
@click.option("--tls-cert", type=click.Path(exists=True, dir_okay=False), help="Certificate chain, PEM.")
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its private key, PEM.")
@click.option("--forwarded-allow-ips", help="Proxies whose X-Forwarded-* headers are believed.")
def command(
    config: Path,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    forwarded_allow_ips: str | None,
) -> None:
    """Run everything: the embedded Kafka broker (unless HUB_KAFKA names a cluster), the ingress and the workers.

    A part that crashes is started again; Ctrl-C drains and stops. Data lives in .hub (HUB_HOME).
    """
    settings = service_settings()
    configuration = load_configuration(config)
    listen = ["--host", host, "--port", str(port)]
    for option, value in (
        ("--tls-cert", tls_cert),
        ("--tls-key", tls_key),
        ("--forwarded-allow-ips", forwarded_allow_ips),
    ):
        if value is not None:
            listen += [option, value]
    with only_one_hub(settings.home):
        supervisor = Supervisor(parts(configuration, settings, config, listen))
        announce = None if tls_cert else (host, port)
        sys.exit(asyncio.run(_supervise(supervisor, configuration, announce)))


def parts(configuration: Configuration, settings: Settings, config: Path, listen: list[str]) -> list[Part]:
    """The processes of one hub, in the order of starting.

    Built-in connectors share the worker that routes; each isolated destination (a plugin, unless told otherwise)
    gets a worker of its own, since it may block, leak or crash.
    """
    hub = [sys.executable, "-P", "-m", "hub"]
    shared = [entry.name for entry in configuration.destinations.values() if not entry.isolated]
    isolated = [entry.name for entry in configuration.destinations.values() if entry.isolated]

    def worker(name: str, only: list[str]) -> Part:
        options = [word for processor in only for word in ("--only", processor)]
        return Part(name, [*hub, "worker", "--config", str(config), *options], DRAIN_SECONDS)

    fsync = ["--fsync"] if configuration.log.durability is Durability.FSYNC else []

    def kafka_is_ready() -> bool:
        return running_address(settings.home) is not None

    broker = Part("broker", [*hub, "broker", *fsync], DRAIN_SECONDS, is_ready=kafka_is_ready)
    return [
        *([broker] if settings.kafka is None else []),
        worker("worker", ["route", "delay", "status", *shared]),
        *(worker(f"worker-{name}", [name]) for name in isolated),
        Part("ingress", [*hub, "ingress", "--config", str(config), *listen], DRAIN_SECONDS),
    ]


@contextmanager
def only_one_hub(home: Path) -> Iterator[None]:
    """Hold the data folder for this process; a second ``hub up`` on it is refused, naming the first."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "hub.pid").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            fail(f"another hub (pid {lock.read().strip()}) uses {home}; stop it, or set HUB_HOME to another folder", 2)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


async def _supervise(supervisor: Supervisor, configuration: Configuration, announce: tuple[str, int] | None) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, supervisor.stop)
    announcing = asyncio.create_task(_announce(configuration, announce)) if announce else None
    try:
        return await supervisor.run()
    finally:
        if announcing:
            announcing.cancel()
            with suppress(asyncio.CancelledError):
                await announcing


async def _announce(configuration: Configuration, address: tuple[str, int]) -> None:
    host, port = address
    while not await asyncio.to_thread(_is_ready, host, port):  # noqa: ASYNC110  (another process: no Event to share)
        await asyncio.sleep(0.2)
    click.echo("hub is ready. Senders post to")
    for source in configuration.sources:
        click.echo(f"  http://{host}:{port}/in/{source}")


def _is_ready(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
