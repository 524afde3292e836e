"""Finds connectors by their entry points, and imports only the ones that are asked for.

    ConnectorError
    ├── UnknownConnectorError       nothing installed has this name
    ├── AmbiguousConnectorError     two distributions claim it, so neither gets it
    ├── BrokenConnectorError        its import fails, or what it names is no connector
    └── IncompatibleConnectorError  written for another version of the contract

None of them is raised for a connector that nobody uses: a broken plugin stops its users, not the hub.
"""

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Self

from connectors.destination import BatchDestination, CollectingDestination, Destination, EachDestination, Effect
from connectors.model import ConfigModel, DestinationConfig, Options, SourceConfig
from connectors.source import API_VERSION, Source

BUILT_IN = "event-hub"
"""The distribution that brings the built-in connectors."""


class Kind(StrEnum):
    SOURCE = "source"
    DESTINATION = "destination"

    @property
    def group(self) -> str:
        """The entry point group its connectors register in."""
        return f"hub.{self}s"


class ConnectorError(Exception):
    """A connector cannot be used. The message names the distribution to blame, where there is one."""


class UnknownConnectorError(ConnectorError):
    def __init__(self, kind: Kind, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        close = get_close_matches(name, self.known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        super().__init__(f"there is no {kind} type {name!r}, only {', '.join(self.known) or 'none at all'}{hint}")


class AmbiguousConnectorError(ConnectorError):
    def __init__(self, kind: Kind, name: str, distributions: Iterable[str]) -> None:
        claimed = " and ".join(sorted(distributions))
        super().__init__(f"the {kind} type {name!r} is claimed by {claimed}; uninstall all but one")


class BrokenConnectorError(ConnectorError):
    """The cause (``__cause__``), if any, is what its import raised."""


class IncompatibleConnectorError(ConnectorError):
    """Written for another version of the connector contract."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One entry point: which distribution offers which connector. Nothing is imported yet."""

    kind: Kind
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @classmethod
    def of(cls, kind: Kind, entry_point: EntryPoint) -> Self:
        dist = entry_point.dist
        return cls(kind, entry_point.name, dist.name if dist else "?", dist.version if dist else "?", entry_point)

    @property
    def builtin(self) -> bool:
        return self.distribution == BUILT_IN

    def load(self) -> type[Any]:
        """Import the class and check that it is a connector of this kind and contract version.

        Raises:
            BrokenConnectorError, IncompatibleConnectorError
        """
        origin = f"the {self.kind} type {self.name!r} of {self.distribution} {self.version}"
        try:
            connector = self.entry_point.load()
        except Exception as error:  # whatever a foreign module raises
            raise BrokenConnectorError(
                f"{origin} cannot be imported: {type(error).__name__}: {error}; repair or uninstall {self.distribution}"
            ) from error
        if not inspect.isclass(connector):
            raise BrokenConnectorError(f"{origin} is not usable: {self.entry_point.value} is not a class")
        version = getattr(connector, "api_version", None)
        if version != API_VERSION:
            raise IncompatibleConnectorError(
                f"{origin} is written for version {version} of the connector contract, this hub speaks {API_VERSION}; "
                f"install another version of {self.distribution}"
            )
        for fault in _faults(self, connector):
            raise BrokenConnectorError(f"{origin} is not usable: {self.entry_point.value} {fault}")
        return connector


class Registry:
    """The connectors that are installed. Make one per start (``Registry.installed()``); it reads no file again."""

    def __init__(self, registrations: Iterable[Registration]) -> None:
        self._found: dict[Kind, dict[str, dict[str, Registration]]] = {kind: {} for kind in Kind}
        for found in registrations:
            self._found[found.kind].setdefault(found.name, {})[found.distribution] = found

    @classmethod
    def installed(cls) -> Self:
        return cls(Registration.of(kind, found) for kind in Kind for found in entry_points(group=kind.group))

    def registrations(self, kind: Kind) -> list[Registration]:
        """Everything that is registered, built-in connectors first, also what is broken or ambiguous."""
        found = (each for claims in self._found[kind].values() for each in claims.values())
        return sorted(found, key=lambda each: (not each.builtin, each.name, each.distribution))

    def names(self, kind: Kind) -> list[str]:
        return sorted(self._found[kind])

    def find(self, kind: Kind, name: str) -> Registration:
        """Who offers the connector.

        Raises:
            UnknownConnectorError, AmbiguousConnectorError
        """
        claims: Mapping[str, Registration] = self._found[kind].get(name, {})
        if not claims:
            raise UnknownConnectorError(kind, name, self.names(kind))
        if len(claims) > 1:
            raise AmbiguousConnectorError(kind, name, claims)
        return next(iter(claims.values()))

    def source(self, name: str) -> type[Source[Any]]:
        """The class of a source type; raises ConnectorError."""
        return self.find(Kind.SOURCE, name).load()

    def destination(self, name: str) -> type[Destination[Any, Any]]:
        """The class of a destination type; raises ConnectorError."""
        return self.find(Kind.DESTINATION, name).load()

    def is_builtin(self, kind: Kind, name: str) -> bool:
        """Whether it ships with the hub; raises ConnectorError where there is no such connector."""
        return self.find(kind, name).builtin


def _faults(registration: Registration, connector: type[Any]) -> Iterator[str]:
    """What keeps a class from being a connector, each as the end of a sentence that begins with its name."""
    bases, models = _REQUIRED[registration.kind]
    if not issubclass(connector, bases):
        yield f"does not derive from {' or '.join(base.__name__ for base in bases)} of connectors.api"
        return
    if getattr(connector, "name", None) != registration.name:
        yield f"is registered as {registration.name!r} but its `name` is {getattr(connector, 'name', None)!r}"
    for attribute, base in models.items():
        model = getattr(connector, attribute, None)
        if not (inspect.isclass(model) and issubclass(model, base)):
            yield f"needs a `{attribute}` that derives from {base.__name__} of connectors.api"
    if registration.kind is Kind.DESTINATION and not isinstance(getattr(connector, "effect", None), Effect):
        yield "needs an `effect`: Effect.IDEMPOTENT, APPEND or NOTIFY"
    if inspect.isabstract(connector):
        yield f"does not implement {', '.join(sorted(getattr(connector, '__abstractmethods__', ())))}"


_REQUIRED: Mapping[Kind, tuple[tuple[type[Any], ...], Mapping[str, type[ConfigModel]]]] = {
    Kind.SOURCE: ((Source,), {"config_model": SourceConfig}),
    Kind.DESTINATION: (
        (EachDestination, BatchDestination, CollectingDestination),
        {"config_model": DestinationConfig, "options_model": Options},
    ),
}
