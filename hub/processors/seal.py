"""A seal: where the range that begins at a partition's committed offset ends. Kafka keeps it beside that offset.

A destination that collects stores ranges of the log. Whoever comes after a crash must store exactly the same range
again, or an event is in two objects, or an object of a range that never was stays behind. So before anything of a range
is stored, its end is committed as the note of its beginning: one atomic write, refused when the group has another
generation by then, read by every successor with the offset itself.
"""

_MARK = "hub:sealed-to="


def write_seal(end: int) -> str:
    """The note of a range that ends before ``end``."""
    return f"{_MARK}{end}"


def read_seal(note: str) -> int | None:
    """Where the range ends; None where the note is none of ours."""
    digits = note.removeprefix(_MARK)
    return int(digits) if note.startswith(_MARK) and digits.isascii() and digits.isdigit() else None
