"""``hub dead``: deliveries that were given up."""

from hub.cli.dead.command import command

__all__ = ["command"]
