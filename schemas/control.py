"""A control: whether a destination is paused. The values of ``hub.controls``."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Control:
    """What somebody decided about a destination. The record's key is its name; the last one counts.

    While ``paused``, nothing is delivered to it and nothing is lost: its backlog waits, at the cost of no attempt.
    With ``discard``, what waits for a destination that was retired by then is given up, and counts as discarded.
    ``by`` is who decided (a person's name, or ``hub`` where the destination said that it is gone), ``reason`` why.
    """

    destination: str
    paused: bool
    by: str
    reason: str
    at: datetime
    discard: bool = False
