"""Why a pattern is refused."""

PathPart = str | int
"""A key or a position in a list, as written."""


class InvalidPatternError(ValueError):
    """A ``when`` that is not a pattern. ``path`` leads to the place in it, ``reason`` says what would be right."""

    def __init__(self, path: tuple[PathPart, ...], reason: str) -> None:
        super().__init__(f"{show(path)}: {reason}" if path else reason)
        self.path = path
        self.reason = reason


def show(path: tuple[PathPart, ...]) -> str:
    """As people write it: ``metadata.retries[0].numeric``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
