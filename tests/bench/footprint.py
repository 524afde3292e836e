"""A whole hub on one machine, broker included: what it holds in memory, and how long it takes to its first delivery."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import psutil

from tests.bench.figures import Row
from tests.bench.stage import ROOT, ROUNDS, Stage, answers, free_port, output_of
from tests.bench.whole_hub import rows, up

_RATE, _SECONDS = 300, 10
_MOST_MB, _MOST_SECONDS = 700, 5.0
_CONFIGURATION = """
sources:
  gemini: {type: gemini, secrets: ["{secret}"]}
destinations:
  warehouse: {type: database, url: "sqlite:///events.db"}
  archive: {type: object_store, url: archive}
routes:
  - {id: keep, to: [warehouse, archive]}
"""


def run(stage: Stage) -> Iterator[Row]:
    first, idle, busy = [], [], []
    for number in range(ROUNDS):
        home = stage.folder / f"footprint-{number}"
        config = stage.configuration(f"footprint-{number}", _CONFIGURATION)
        port = free_port()
        with up(config, home, port) as process:
            first.append(_first_delivery(home, port))
            idle.append(_megabytes(process.pid))
            options = ("--port", str(port), "--path", "/in/gemini", "--rate", str(_RATE), "--seconds", str(_SECONDS))
            output_of("tests.bench.sender", *options, "--connections", "16")
            busy.append(_megabytes(process.pid))
        shutil.rmtree(home, ignore_errors=True)
    yield Row(
        "whole hub, broker included",
        f"{median(idle):.0f} MB at rest, {median(busy):.0f} MB after {_SECONDS} s of {_RATE}/s",
        "",
        f"aim: under {_MOST_MB} MB: {'met' if median(busy) < _MOST_MB else 'missed'}",
    )
    yield Row(
        "from `hub up` to the first delivered event",
        f"{median(first):.1f} s",
        "",
        f"aim: under {_MOST_SECONDS:g} s: {'met' if median(first) < _MOST_SECONDS else 'missed'}",
    )


def _first_delivery(home: Path, port: int) -> float:
    """Seconds from now, when it was just started, until an event that was sent as soon as possible is a row."""
    began = time.monotonic()
    while not answers(port, "/readyz"):
        time.sleep(0.02)
    options = ("--port", str(port), "--path", "/in/gemini", "--rate", "1", "--seconds", "1", "--connections", "1")
    sending = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sender", *options], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while not rows(home / "events.db"):
        time.sleep(0.02)
    seconds = time.monotonic() - began
    sending.wait(60)
    return seconds


def _megabytes(pid: int) -> float:
    """Of the process and all it started: what is resident, shared pages divided among those who share them."""
    whole = psutil.Process(pid)
    return float(sum(each.memory_full_info().pss for each in (whole, *whole.children(recursive=True)))) / 1e6
