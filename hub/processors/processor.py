"""What a worker runs."""

from typing import Any, Protocol


class Processor(Protocol):
    """``app`` is the Faust app."""

    @property
    def name(self) -> str: ...
    @property
    def app(self) -> Any: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
