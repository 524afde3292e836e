"""What a worker runs, as ``--only`` names it: also of destinations that are configured later, or no longer."""

from collections.abc import Collection
from dataclasses import dataclass

from hub.config.model import Configuration, DestinationEntry

ROUTE, DELAY, DELIVER, STATUS = "route", "delay", "deliver", "status"
SHARED = "shared"
"""Every destination that does not have a process of its own."""


class UnknownProcessorError(ValueError):
    """``--only`` names something that is neither a processor nor a destination."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a worker runs; of ``destinations`` those that are named here, or all."""

    route: bool = True
    delay: bool = True
    status: bool = True
    everything: bool = True
    shared: bool = False
    named: frozenset[str] = frozenset()

    def wants(self, entry: DestinationEntry) -> bool:
        """Whether this worker delivers to it."""
        return self.everything or entry.name in self.named or (self.shared and not entry.isolated)

    def of(self, configuration: Configuration) -> dict[str, DestinationEntry]:
        """The destinations of a configuration that this worker delivers to."""
        return {name: entry for name, entry in configuration.destinations.items() if self.wants(entry)}


def selected(configuration: Configuration, only: Collection[str], retired: Collection[str] = ()) -> Selection:
    """What ``only`` names, everything where it names nothing. ``retired`` destinations may be named, too.

    Raises:
        UnknownProcessorError
    """
    if not only:
        return Selection()
    names = tuple(configuration.destinations)
    processors = {ROUTE, DELAY, DELIVER, STATUS, SHARED}
    if unknown := [name for name in only if name not in {*processors, *names, *retired}]:
        raise UnknownProcessorError(
            f"there is no {', '.join(unknown)} to run; "
            f"expected {ROUTE}, {DELAY}, {DELIVER}, {SHARED}, {STATUS}, or one of {', '.join(names)}"
        )
    return Selection(
        route=ROUTE in only,
        delay=DELAY in only,
        status=STATUS in only,
        everything=DELIVER in only,
        shared=SHARED in only,
        named=frozenset(only) - processors,
    )
