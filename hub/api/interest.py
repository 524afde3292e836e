"""Which events a listener wants. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.log.records import EventOutline


@dataclass(frozen=True, slots=True)
class Interest:
    """Events to which all of it applies; an empty set wants any. A type may end with ``*``.

    ``terminal``: source → the types that end something; where it is given, only such events are wanted.
    """

    sources: frozenset[str] = frozenset()
    types: tuple[str, ...] = ()
    subjects: frozenset[str] = frozenset()
    endpoints: frozenset[str] = frozenset()
    terminal: Mapping[str, frozenset[str]] | None = None

    def wants(self, event: EventOutline) -> bool:
        """Raises MalformedRecordError: one of its attributes cannot be read."""
        return (
            (not self.subjects or event.subject in self.subjects)
            and (not self.sources or event.source in self.sources)
            and (not self.types or any(_matches(event.type, wanted) for wanted in self.types))
            and (not self.endpoints or event.endpoint in self.endpoints)
            and (self.terminal is None or event.type in self.terminal.get(event.source, ()))
        )


def _matches(event_type: str, wanted: str) -> bool:
    return event_type.startswith(wanted[:-1]) if wanted.endswith("*") else event_type == wanted
