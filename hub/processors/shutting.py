"""Closes the gate of a destination, and tells people."""

import logging

from hub.processors.gate import Passage
from hub.processors.shared import Shared

_log = logging.getLogger(__name__)


def pause(shared: Shared, passage: Passage, seconds: float, reason: str, *, down: bool) -> None:
    """Nobody calls before that; ``down``: it is out of order, as opposed to asking for less."""
    _log.warning("destination paused", extra={"destination": shared.name, "seconds": seconds, "error": reason})
    if shared.gate.refused(passage, seconds, reason, down=down):
        shared.witness.went_down(reason)


def hold(shared: Shared, reason: str) -> None:
    """It says that it is gone: nobody calls until a person says otherwise."""
    shared.gate.hold(f"paused by hub: {reason}")
    shared.witness.is_gone(reason)
