"""What a killed process leaves in a folder: files that obstore had not renamed yet. They are no objects."""

import re
import time
from pathlib import Path

_UNFINISHED = re.compile(r".+#\d+")
_OLD = 3600.0  # seconds: another worker may be writing a younger one


def remove_leftovers(folder: Path) -> None:
    """Delete those that nobody writes any more."""
    for path in folder.rglob("*#*"):
        try:
            if _UNFINISHED.fullmatch(path.name) and time.time() - path.stat().st_mtime > _OLD:
                path.unlink()
        except FileNotFoundError:  # another worker does the same
            continue
