"""The lanes of a destination: separate topics, so that what is urgent does not wait behind what is not."""

from enum import StrEnum


class Lane(StrEnum):
    """In the order of their weight. Each has its share, so that none is starved."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"
    REPLAY = "replay"  # history that is delivered again; never chosen by a route
