"""``make bench``, or ``.venv/bin/python tests/bench [NAME …]``: measures, and prints one table.

Every figure is a median of three rounds; every aim is a ratio within this run, since absolute figures do not last.
Server, client and broker share the machine's cores.

A benchmark is a module of this folder with ``run(stage) -> Iterator[Row]``, listed in BENCHMARKS.
"""

import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run by path, this folder alone would be on it

from rich.console import Console
from rich.markup import escape

from hub.log.embedded import EmbeddedBroker
from tests.bench.figures import Row, table
from tests.bench.stage import Stage

BENCHMARKS = (
    "rules",
    "append",
    "ingest",
    "route",
    "deliver",
    "object_store",
    "end_to_end",
    "gemini_jobs",
    "neighbour",
    "lanes",
    "backtest",
    "outcome_index",
    "footprint",
    "disk",
)


def main(names: list[str]) -> int:
    console = Console(width=140 if not sys.stdout.isatty() else None)
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        console.print(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
        return 2
    started = time.monotonic()
    rows: list[Row] = []
    failed = False
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder) / "home", train=False) as broker:
        kafka = broker.start()
        assert broker.pid is not None
        stage = Stage(Path(folder), kafka, broker.pid)
        for name in names or BENCHMARKS:
            console.print(f"measuring {name} …", style="dim")
            try:
                rows.extend(importlib.import_module(f"tests.bench.{name}").run(stage))
            except Exception as error:  # noqa: BLE001  (the figures of the others are worth having)
                failed = True
                rows.append(Row(name, escape(f"failed: {error}")))
    minutes, seconds = divmod(int(time.monotonic() - started), 60)
    console.print(table(rows, f"{os.cpu_count()} cores, shared by server, client and broker; {minutes}:{seconds:02d}"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
