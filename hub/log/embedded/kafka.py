"""The command lines of Apache Kafka: format a folder, run a node."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.log.embedded.errors import BrokerStartError, JavaError
from hub.log.embedded.java import Java
from hub.log.embedded.ports import Ports
from hub.log.embedded.properties import DATA, server_properties

SERVER_PROPERTIES = "server.properties"
_FORMAT_TIMEOUT = 120.0  # seconds; takes one
_QUIET = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)


@dataclass(frozen=True, slots=True)
class Kafka:
    """One version of Kafka on one Java."""

    java: Java
    jars: tuple[Path, ...]

    def server(self, *flags: str) -> list[str]:
        """The command that runs a node in a folder with a ``server.properties``."""
        return self._command(*flags, main=("kafka.Kafka", SERVER_PROPERTIES))

    def format(self, root: Path, ports: Ports, *flags: str) -> None:
        """Make ``<root>/data``, whole or not at all.

        Raises:
            JavaError: Java does not run.
            BrokerStartError: Kafka refused, with what it said.
        """
        unfinished = root / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        properties = root / "format.properties"
        properties.write_text(server_properties(ports, fsync=False, data=unfinished.name))
        tool = ("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", properties.name)
        self._run(self._command(*flags, main=tool), root)
        properties.unlink()
        unfinished.rename(root / DATA)

    def fingerprint(self) -> str:
        """Text that changes when an ahead-of-time cache made earlier would be of no use."""
        release = self.java.executable.resolve().parent.parent / "release"  # names the build
        return f"{self.server()[1:]} {release.read_text() if release.exists() else self.java}"

    def _command(self, *flags: str, main: Sequence[str]) -> list[str]:
        class_path = os.pathsep.join(str(jar) for jar in self.jars)
        return [str(self.java.executable), *self.java.flags(), *_QUIET, *flags, "-cp", class_path, *main]

    def _run(self, command: Sequence[str], root: Path) -> None:
        try:
            done = subprocess.run(  # noqa: S603
                command, cwd=root, capture_output=True, text=True, timeout=_FORMAT_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise JavaError(f"cannot run {self.java.executable}: {error}; name another Java with HUB_JAVA") from error
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-2000:]
            raise BrokerStartError(
                f"Kafka could not format {root} (exit code {done.returncode}); it said:\n{said}\n"
                "If that does not tell what to do: set HUB_HOME to an empty folder, or HUB_JAVA to another Java"
            )


def _cluster_id() -> str:
    """A random id as Kafka writes them. Not one that starts with a dash: the tool would take it for an option."""
    while True:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id
