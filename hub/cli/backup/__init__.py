"""``hub backup`` and ``hub restore``: the data folder as one file, and back."""

from hub.cli.backup.command import backup, restore

__all__ = ["backup", "restore"]
