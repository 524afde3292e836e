"""Small file systems that can be full: a tmpfs, shrunk to what is in it: filling costs neither time nor memory."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_MB = 1_000_000
_TRIES = 20  # somebody writes into it while it shrinks


class Disk:
    """Mounted at ``path`` until ``unmount``. Needs the right to mount."""

    def __init__(self, path: Path, megabytes: int) -> None:
        self.path = path
        self._size = megabytes * _MB
        path.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", f"size={self._size},mode=755", "tmpfs", str(path))

    def fill(self) -> None:
        """Not a page is left, until `free`."""
        for attempt in range(_TRIES):
            used = shutil.disk_usage(self.path).used
            with suppress(subprocess.CalledProcessError):
                self._resize(used + attempt * 64 * 1024)
                return
        raise AssertionError(f"{self.path} cannot be filled: it grows faster than it is measured")

    def free(self) -> None:
        self._resize(self._size)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True, capture_output=True)

    def _resize(self, size: int) -> None:
        _mount("-o", f"remount,size={max(size, 4096)}", str(self.path))


def can_mount() -> bool:
    """Whether this user may mount a file system here; containers often forbid it to root, too."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        try:
            Disk(Path(folder) / "probe", 1).unmount()
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
