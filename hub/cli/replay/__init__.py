"""``hub replay``: events out of the log, delivered again."""

from hub.cli.replay.command import command

__all__ = ["command"]
