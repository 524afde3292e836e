"""A JVM that ends when the process that started it does, however that ends."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

from hub.log.embedded.process_log import ProcessLog

# Waits for the end of a pipe whose other end only the hub has. Not PR_SET_PDEATHSIG: that is Linux only, and fires when
# the *thread* that started the child ends. $0 is the JVM.
_WATCHDOG = 'read -r _; kill -TERM "$0"; for i in 1 2 3 4 5; do sleep 1; kill -0 "$0" || exit; done; kill -KILL "-$0"'

_LAST_WORDS = 1.0  # seconds for copying what it wrote before it ended

# Options meant for another program must not change or break the broker.
_NOT_OURS = ("CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


class JavaProcess:
    """A running JVM and its watchdog. Not safe to use from several threads at once."""

    def __init__(self, argv: Sequence[str], *, folder: Path, log: Path, inherit: Sequence[int] = ()) -> None:
        """Start ``argv`` in ``folder``; it keeps the descriptors ``inherit`` open. Its output is appended to ``log``,
        which stays bounded (`process_log`).
        """
        environ = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
        self._jvm = subprocess.Popen(  # noqa: S603
            argv,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=inherit,
            start_new_session=True,  # Ctrl-C reaches the hub alone, which stops what needs Kafka before Kafka
        )
        assert self._jvm.stdout is not None
        self._log = ProcessLog(cast("BinaryIO", self._jvm.stdout), log)
        try:
            self._watchdog = subprocess.Popen(  # noqa: S603
                ["/bin/sh", "-c", _WATCHDOG, str(self._jvm.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except BaseException:  # nothing would end the JVM
            self._jvm.kill()
            self._jvm.wait()
            raise

    @property
    def pid(self) -> int:
        return self._jvm.pid

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        code = self._jvm.poll()
        if code is not None:
            self._dismiss_watchdog()
            self._log.finish(_LAST_WORDS)
        return code

    def last_lines(self) -> str:
        """The last lines it wrote, without the frames of stack traces."""
        return self._log.last_lines()

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait at most ``timeout`` seconds (None: forever) for the end; the exit code, or None if it still runs."""
        with suppress(subprocess.TimeoutExpired):
            self._jvm.wait(timeout)
        return self.poll()

    def terminate(self) -> None:
        """SIGTERM: begin to stop."""
        self._jvm.terminate()

    def stop(self, timeout: float) -> bool:
        """SIGTERM, and after ``timeout`` seconds SIGKILL. Whether it went by itself."""
        self.terminate()
        if self.wait(timeout) is not None:
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """SIGKILL, also to what it started (a JVM that writes an ahead-of-time cache does), and wait for the end."""
        if self.poll() is None:
            os.killpg(self._jvm.pid, signal.SIGKILL)
            self.wait()

    def _dismiss_watchdog(self) -> None:
        """Before its JVM's process id can belong to someone else."""
        if self._watchdog.returncode is None:
            self._watchdog.kill()
            self._watchdog.wait()
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
