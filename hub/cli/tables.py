"""Tables on standard output."""

from rich.console import Console

_WIDE = 1000  # characters


def wide_console() -> Console:
    """Shows whole values whatever the terminal's width, so that ids can be copied, and read through a pipe."""
    return Console(width=_WIDE, soft_wrap=True)
