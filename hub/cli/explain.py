"""``hub explain``: which routes an event matches, and for each other one the first condition that fails."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import orjson
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from hub.cli.finding import find_events, newest
from hub.cli.printing import printable, shown_time, to_json
from hub.cli.tables import wide_console
from hub.cli.wiring import config_option, connection, fail, json_option, load_for_a_look, settings
from hub.config.composing import UnreadableError
from hub.config.composing import parse as parse_yaml
from hub.config.model import Configuration
from hub.config.routing_tests import document
from hub.config.verdicts import Answer, Verdict, verdicts
from hub.config.written import WrittenEvent
from hub.ledger.life import decisions_of
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.reader import LogReader
from hub.log.records import NewerFormatError
from hub.supervisor import CONFIGURATION_ERROR
from schemas.decision import Decision
from schemas.document import Document
from schemas.event import Event
from schemas.event_json import UnreadableEventError, event_of_json

_STDIN = "-"


@dataclass(frozen=True, slots=True)
class _Asked:
    """An event as routes see it; ``decision`` is what was decided, where the log says it."""

    document: Mapping[str, Any]
    decision: Decision | None = None
    from_log: bool = False


@click.command(name="explain", short_help="Which routes an event matches, and why the others do not.")
@click.argument("event", metavar="ID|SOURCE/ID|FILE")
@config_option
@click.option("--no-env", is_flag=True, help="Accept variables that are not set.")
@json_option
def command(event: str, config: Path, no_env: bool, as_json: bool) -> None:
    """Say for each route whether it matches an event, and if not, the first condition that fails and what was there.

    The event is one of the log, or in a FILE (- is standard input): as `hub events show --json` prints it, or as in
    `tests:` of hub.yaml. Of one in the log it also says what was decided when it came, by which revision, and what
    would be decided otherwise now. With --config another file is asked.

    Exit codes: 0 also if no route matches, 2 the configuration or the FILE cannot be used.
    """
    configuration = load_for_a_look(config, expand=not no_env)
    asked = _of_file(event, configuration) or _of_log(event, configuration)
    found = list(verdicts(configuration, asked.document))
    if as_json:
        click.echo(to_json(_json(configuration, asked, found)))
    else:
        _show(configuration, asked, found)


def _of_file(name: str, configuration: Configuration) -> _Asked | None:
    """None where there is no such file."""
    if name != _STDIN and not Path(name).is_file():
        return None
    data = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
    try:
        return _Asked(_document(_parsed(data), configuration))
    except (UnreadableEventError, UnreadableError) as error:
        fail(f"{name}: {error}", CONFIGURATION_ERROR)
    except ValidationError as error:
        faults = ", ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        fail(
            f"{name}: neither an event as `hub events show --json` prints it nor one as in `tests:` ({faults})",
            CONFIGURATION_ERROR,
        )


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return parse_yaml(data.decode(errors="replace"), "").plain()


def _document(found: Any, configuration: Configuration) -> Mapping[str, Any]:
    if isinstance(found, dict) and "digest" in found:
        return _seen(event_of_json(found), configuration)
    written = WrittenEvent.model_validate(found)
    return document(written, configuration.payload_member(written.source))


def _seen(event: Event, configuration: Configuration) -> Document:
    return Document(event, configuration.payload_member(event.source))


def _of_log(identity: str, configuration: Configuration) -> _Asked:
    kafka, topics = connection(settings()), configuration.topics
    try:
        stored = newest(find_events(LogReader(kafka, topics), identity))
        decisions = asyncio.run(decisions_of(stored, kafka, topics))
    except (LogAdminError, KafkaUnavailableError, NewerFormatError) as error:
        fail(str(error))
    return _Asked(_seen(stored.event, configuration), decisions[-1] if decisions else None, from_log=True)


def _show(configuration: Configuration, asked: _Asked, found: Sequence[Verdict]) -> None:
    event = asked.document
    named = (str(event[key]) for key in ("source", "type", "id", "subject") if event.get(key))
    click.echo(f"{printable('  '.join(named))}\n")
    table = Table(show_header=False, box=None)
    for each in found:
        mark = {Answer.MATCHES: Text("yes", style="green"), Answer.DISABLED: Text("off")}.get(each.answer, Text("no"))
        targets = f"→ {', '.join(target.destination for target in each.route.to)}"
        table.add_row(mark, Text(each.route.id), Text(printable(each.why or targets)), Text(str(each.route.where)))
    wide_console().print(table)
    if not any(each.matches for each in found):
        click.echo("\nno route matches")
    if asked.from_log:
        click.echo(f"\n{_decided(configuration, asked, found)}")


def _decided(configuration: Configuration, asked: _Asked, found: Sequence[Verdict]) -> str:
    decision = asked.decision
    if decision is None:
        return "not decided yet (is `hub up` or `hub worker` running?)"
    then = ", ".join(f"{one.route} → {one.destination}" for one in decision.deliveries) or "no route"
    lines = [f"decided {shown_time(decision.decided)} by revision {decision.revision}: {printable(then)}"]
    changes = _changes(decision, found)
    if not any(changes.values()):
        lines.append(f"revision {configuration.revision} decides the same")
    else:
        lines.append(f"revision {configuration.revision} decides otherwise:")
        lines += [f"  + {each}" for each in changes["added"]]
        lines += [f"  - {printable(each)}" for each in changes["removed"]]
    return "\n".join(lines)


def _changes(decision: Decision, found: Sequence[Verdict]) -> dict[str, list[str]]:
    then = [f"{one.route} → {one.destination}" for one in decision.deliveries]
    now = [f"{each.route.id} → {target.destination}" for each in found if each.matches for target in each.route.to]
    return {
        "added": [each for each in now if each not in then],
        "removed": [each for each in then if each not in now],
    }


def _json(configuration: Configuration, asked: _Asked, found: Sequence[Verdict]) -> dict[str, Any]:
    return {
        "event": dict(asked.document),
        "revision": configuration.revision,
        "routes": [_verdict_json(each) for each in found],
        "decision": asked.decision,
        "changes": None if asked.decision is None else _changes(asked.decision, found),
    }


def _verdict_json(each: Verdict) -> dict[str, Any]:
    return {
        "route": each.route.id,
        "file": each.route.where.file,
        "line": each.route.where.line,
        "matches": each.matches,
        "answer": each.answer,
        "failed": None if each.mismatch is None else asdict(each.mismatch),
        "destinations": [target.destination for target in each.route.to],
    }
