"""A whole hub as ``hub up`` runs it, broker included, with a home of its own."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.bench.stage import ROOT


@contextmanager
def up(config: Path, home: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """From its start until the block ends and it has drained. Its output goes to ``up.log`` beside ``config``."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    environ |= {"HUB_HOME": str(home), "HUB_LOG_LEVEL": "WARNING"}
    command = [sys.executable, "-m", "hub", "up", "--config", str(config), "--port", str(port)]
    with (config.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(120)


def rows(database: Path) -> int:
    """How many events a ``database`` destination on SQLite has stored so far."""
    [(count,)] = rows_of(database, "count(*)") or [(0,)]
    return int(count)


def rows_of(database: Path, columns: str) -> list[tuple[Any, ...]]:
    """What it has stored so far."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return connection.execute(f"SELECT {columns} FROM events").fetchall()
        except sqlite3.OperationalError:
            return []
