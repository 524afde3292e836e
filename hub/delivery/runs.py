"""The names of a delivery's runs: live, redriven by a person, replayed."""

import re

from schemas.identity import Run

_REDRIVE = re.compile(r"r([1-9]\d*)")


def redrive_run(number: int) -> Run:
    """The run of the redrive that follows so many earlier terminal runs (the live one and redrives; at least 1)."""
    return Run(f"r{number}")


def replay_run(replay: str) -> Run:
    return Run(f"p{replay}")


def run_number(run: Run) -> int | None:
    """0 for the live run, n for ``r<n>``; None for a replay, which is not one of them."""
    if not run:
        return 0
    found = _REDRIVE.fullmatch(run)
    return int(found[1]) if found else None
