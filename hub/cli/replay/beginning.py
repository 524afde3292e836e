"""From what was typed to a replay, or to a message that says what to type instead."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from hub.config.composing import UnreadableError
from hub.config.composing import parse as parse_yaml
from hub.config.model import Configuration, Route
from hub.config.problems import did_you_mean
from hub.log.scanner import LogScanner
from hub.replay.matching import Matcher
from hub.replay.progress import ArchivePosition, Replay, ReplayFiles, UnknownReplayError, new_id
from hub.rules import InvalidPatternError, Pattern, parse


class WrongReplayError(Exception):
    """What was asked for cannot be replayed with this ``hub.yaml``. The message says why, and what would be right."""


def begin(
    configuration: Configuration,
    scanner: LogScanner,
    *,
    route_id: str,
    destinations: Sequence[str],
    where: str | None,
    since: datetime,
    until: datetime | None,
    archive: str | None = None,
) -> Replay:
    """A replay of what is in the log now, or in an archive; nothing is written yet.

    Raises:
        WrongReplayError, KafkaUnavailableError, LogAdminError
    """
    now = datetime.now(UTC)
    until = until or now
    if since >= until:
        raise WrongReplayError("--since is not before --until: no event is received between them")
    route = route_of(configuration, route_id)
    pattern = None if where is None else _written(where)
    to = [target.destination for target in route.to]
    for name in destinations:
        if name not in to:
            raise WrongReplayError(f"route {route_id} does not go to {name}, only to {', '.join(to)}")
    _pattern(pattern)
    spans = {} if archive is not None else scanner.spans(configuration.topics.events, since, until)
    return Replay(
        id=new_id(),
        hub=configuration.name,
        route=route_id,
        destinations=tuple(name for name in to if not destinations or name in destinations),
        where=pattern,
        since=since,
        until=until,
        revision=configuration.revision,
        began=now,
        spans=spans,
        left=spans,
        archive=None if archive is None else ArchivePosition(archive),
    )


def resume(configuration: Configuration, files: ReplayFiles, replay_id: str) -> Replay:
    """A replay that was begun here.

    Raises:
        WrongReplayError
    """
    try:
        replay = files.load(replay_id)
    except UnknownReplayError as error:
        raise WrongReplayError(str(error)) from error
    if replay.hub != configuration.name:
        raise WrongReplayError(
            f"replay {replay_id} is of the hub {replay.hub!r}, and hub.yaml is {configuration.name!r}"
        )
    to = {target.destination for target in route_of(configuration, replay.route).to}
    for name in replay.destinations:
        if name not in to:
            raise WrongReplayError(
                f"route {replay.route} does not go to {name} any more; begin a new replay without it"
            )
    return replay


def matcher(configuration: Configuration, replay: Replay) -> Matcher:
    """Raises WrongReplayError: the route is gone."""
    return Matcher(configuration, route_of(configuration, replay.route), _pattern(replay.where), replay)


def route_of(configuration: Configuration, route_id: str) -> Route:
    """Raises WrongReplayError: there is no such route."""
    found = {route.id: route for route in configuration.routes}
    if route_id not in found:
        hint = did_you_mean(route_id, found) or f"; there is {', '.join(found) or 'none'}"
        raise WrongReplayError(f"there is no route {route_id!r} in hub.yaml{hint}")
    return found[route_id]


def _written(where: str) -> Any:
    try:
        return parse_yaml(where, "--where").plain()
    except UnreadableError as error:
        raise WrongReplayError(f"--where is neither JSON nor YAML: {error}") from error


def _pattern(where: Any) -> Pattern | None:
    try:
        return None if where is None else parse(where)
    except InvalidPatternError as error:
        raise WrongReplayError(f"--where: {error}") from error
