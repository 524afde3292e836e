"""``hub broker``: the embedded Kafka alone, in the foreground."""

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from hub.cli.wiring import fail, service_settings
from hub.log.embedded import EmbeddedBroker, EmbeddedBrokerError
from hub.log.embedded.errors import BrokerStartError, DataFolderError
from hub.log.embedded.ports import DEFAULT_PORTS
from hub.supervisor import CONFIGURATION_ERROR


@click.command(name="broker", short_help="Run the embedded Kafka broker alone.")
@click.option("--port", type=click.IntRange(1, 65534), help="Exactly this port. Default: 9092 or the next free one.")
@click.option("--fsync", is_flag=True, help="Every record is on the disk before it is acknowledged.")
@click.option(
    "--java", type=click.Path(path_type=Path), envvar="HUB_JAVA", show_envvar=True, help="A Java 17 or newer to use."
)
def command(port: int | None, fsync: bool, java: Path | None) -> None:
    """Run the embedded Kafka broker alone, on loopback, until Ctrl-C.

    Its data lives in .hub/kafka (HUB_HOME), its log in .hub/logs/kafka.log. Once it is ready it prints its address;
    any Kafka client can use it, and so do the other hub commands of the same HUB_HOME.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    broker = EmbeddedBroker(service_settings().home, java=java, fsync=fsync, ports=(port,) if port else DEFAULT_PORTS)
    try:
        connection = broker.start()
        click.echo(f"Kafka is ready on {connection.bootstrap} (pid {broker.pid})")
        code = broker.wait()
        fail(f"Kafka ended with exit code {code}; {broker.last_words()}")
    except (BrokerStartError, DataFolderError) as error:
        fail(str(error))  # may pass: a supervisor tries again
    except EmbeddedBrokerError as error:
        fail(str(error), CONFIGURATION_ERROR)
    finally:
        broker.stop()


def _leave(_signal: int, _frame: FrameType | None) -> None:
    """Stop, wherever the main thread is; from now on the stop has a deadline and is not to be interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.exit(0)
