"""``hub up``: everything on one machine, supervised."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from hub.cli.api_address import announced
from hub.cli.tls import certificate, tls_options
from hub.cli.up_parts import Following, Parts
from hub.cli.wiring import config_option, fail, load_configuration, proxies, service_settings
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.notify import is_fresh, notify, watchdog_seconds
from hub.supervisor import Supervisor

_LOOK_EVERY = 0.1


@click.command(name="up", short_help="Run everything on this machine.")
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address the ingress listens on.")
@click.option("--port", default=8080, show_default=True, help="Port the ingress listens on.")
@tls_options
@click.option("--forwarded-allow-ips", callback=proxies, help="Proxies whose X-Forwarded-* headers are believed.")
@click.option("--api-port", type=click.IntRange(0, 65535), help="Port of the api.  [default: the next free one]")
def command(
    config: Path,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    forwarded_allow_ips: str | None,
    api_port: int | None,
) -> None:
    """Run everything: the embedded Kafka broker (unless HUB_KAFKA names a cluster), the ingress, the workers, the api.

    A part that crashes is started again; Ctrl-C drains and stops. Data lives in .hub (HUB_HOME). The file may change
    meanwhile: once it is whole and right, it is in force, and nothing is restarted.
    """
    certificate(tls_cert, tls_key)
    settings = service_settings()
    configuration = load_configuration(config)
    listen = ["--host", host, "--port", str(port)]
    for option, value in (
        ("--tls-cert", tls_cert),
        ("--tls-key", tls_key),
        ("--forwarded-allow-ips", forwarded_allow_ips),
    ):
        if value is not None:
            listen += [option, str(value)]
    with only_one_hub(settings.home):
        # A port that a person named is the one to take; the next one is only likely to be free.
        asked = ["--port", str(port + 1), "--any-port"] if api_port is None else ["--port", str(api_port)]
        scheme = "https" if tls_cert else "http"
        told = [f"{scheme}://{host}:{port}/in/{source}" for source in configuration.sources]
        sys.exit(asyncio.run(_supervise(Parts(settings, config, listen, asked), configuration, told, settings)))


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


async def _supervise(parts: Parts, configuration: Configuration, told: Sequence[str], settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    following = Following(settings, parts.config, parts, lambda changed: supervisor.change(changed))  # noqa: PLW0108
    first = parts.of(configuration, is_settled=lambda: following.settled)
    supervisor = Supervisor(first)

    def stop() -> None:
        notify("STOPPING=1")
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)

    def beats() -> Sequence[Path]:
        return [part.heartbeat for part in supervisor.parts if part.heartbeat is not None]

    for beat in beats():  # of an earlier hub
        beat.unlink(missing_ok=True)
    beside = [asyncio.create_task(_tell(beats, told, settings)), asyncio.create_task(following.run())]
    try:
        return await supervisor.run()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.wait(beside)


async def _tell(beats: Callable[[], Sequence[Path]], told: Sequence[str], settings: Settings) -> None:
    """Say when every part does its work: to people once, to systemd as often as it wants to hear."""
    while not all(map(is_fresh, beats())):  # noqa: ASYNC110  (other processes: no Event to share)
        await asyncio.sleep(_LOOK_EVERY)
    click.echo("\n  ".join(["hub is ready. Senders post to", *told]))
    click.echo(f"Programs ask {announced(settings)}/events, or wait there (`hub wait JOB`)")
    notify(f"READY=1\nSTATUS=receiving webhooks: {' '.join(told)}")
    seconds = watchdog_seconds()
    while seconds is not None:
        silent = [beat.name for beat in beats() if not is_fresh(beat)]
        notify(f"STATUS=no sign of life from {', '.join(silent)}" if silent else "WATCHDOG=1")
        await asyncio.sleep(seconds)
