"""``hub demo``: the main job, end to end, on this machine."""

from hub.cli.demo.command import command

__all__ = ["command"]
