"""``hub test --record``: a test made of an event of the log, written into ``hub.yaml``."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import click

from connectors.api import BadRecordError
from hub.cli.finding import find_events, newest
from hub.cli.printing import printable
from hub.cli.wiring import connection, fail, settings
from hub.config.composing import UnreadableError, parse
from hub.config.model import Configuration
from hub.config.recording import RecordingError, with_test
from hub.config.rendering import rendered, transformed
from hub.config.routing_tests import document, matching
from hub.config.written import WrittenEvent
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.reader import LogReader
from hub.log.records import NewerFormatError
from hub.supervisor import CONFIGURATION_ERROR
from schemas.document import Document
from schemas.event import Event


def record(
    configuration: Configuration,
    path: Path,
    identity: str,
    *,
    name: str | None,
    renders: bool,
    metadata_only: bool,
) -> None:
    """Find the event, make a test of it that passes now, and write it. Ends the command where that cannot be done."""
    event = _event(configuration, identity)
    member = configuration.payload_member(event.source)
    seen = Document(event, member)
    expect = matching(configuration, seen)
    written = _written(seen, (), without_body=metadata_only)
    if _other(configuration, written, expect):
        written = _written(seen, _EVIDENCE, without_body=metadata_only)
    if other := _other(configuration, written, expect):
        fail(f"without the body it is another event for {', '.join(other)}; record it without --metadata-only")
    shown = document(WrittenEvent.model_validate(written), member)
    test: dict[str, Any] = {
        "name": name or f"{event.type} {event.subject or event.id}",
        "event": written,
        "expect": list(expect),
    }
    if renders:
        test["renders"] = _renders(configuration, expect, shown)
    file = _file(path)
    line = _add(file, test)
    what = ", ".join(key for key in written if key != "body")
    body = f" and body ({len(event.body):,} bytes)" if "body" in written else ""
    click.echo(f"{file}:{line}: added the test {printable(test['name'])!r}: the event's {what}{body}")
    click.echo("What the sender wrote is in the file now; look at it before you commit it.", err=True)


def _other(configuration: Configuration, written: Mapping[str, Any], expect: Sequence[str]) -> list[str]:
    """The routes that a recorded event does not take, or only it takes."""
    event = WrittenEvent.model_validate(written)
    found = matching(configuration, document(event, configuration.payload_member(event.source)))
    return sorted({*expect} ^ {*found})


def _event(configuration: Configuration, identity: str) -> Event:
    try:
        reader = LogReader(connection(settings()), configuration.topics)
        return newest(find_events(reader, identity)).event
    except (LogAdminError, KafkaUnavailableError, NewerFormatError) as error:
        fail(str(error))


_EVIDENCE = ("headers", "verified")
"""What is recorded only where a route looks at it: signatures and addresses are nobody's business in a test."""


def _written(seen: Document, evidence: Sequence[str], *, without_body: bool) -> dict[str, Any]:
    """The event as `WrittenEvent` has it; what it does not have is left out."""
    left_out = {"data", *(() if not without_body else ("body",)), *(set(_EVIDENCE) - set(evidence))}
    return {key: seen[key] for key in WrittenEvent.model_fields if key in seen and key not in left_out and seen[key]}


def _renders(configuration: Configuration, expect: tuple[str, ...], shown: Mapping[str, Any]) -> dict[str, Any]:
    renders: dict[str, Any] = {}
    for route in configuration.routes:
        known = route.id in expect and route.enrich is None  # nobody knows what is fetched
        for target in route.to if known else ():
            try:
                texts = rendered(target, configuration.destinations[target.destination], transformed(route, shown))
            except BadRecordError as error:
                fail(f"route {route.id}: {error}")
            if texts:
                renders.setdefault(route.id, {})[target.destination] = texts
    return renders


def _file(path: Path) -> Path:
    """Of a folder the last file that has tests, else the first."""
    if not path.is_dir():
        return path
    files = sorted(each for each in path.glob("*.yaml") if not each.name.startswith("."))
    return next((each for each in reversed(files) if "tests" in _top(each)), files[0])


def _top(file: Path) -> Mapping[str, Any]:
    return parse(file.read_text(encoding="utf-8-sig"), str(file)).items()


def _add(file: Path, test: Mapping[str, Any]) -> int:
    with file.open(encoding="utf-8", newline="") as stream:  # line ends stay as they are
        text = stream.read()
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    try:
        made, line = with_test(text.removeprefix(mark), test)
    except (RecordingError, UnreadableError) as error:
        fail(f"{file}: {error}", CONFIGURATION_ERROR)
    try:
        _replace(file.resolve(), mark + made)
    except OSError as error:
        fail(f"{file} stays as it is: {error.strerror}")
    return line


def _replace(file: Path, text: str) -> None:
    """All of it or nothing: a full disk must not leave half a configuration."""
    with NamedTemporaryFile(
        "w", dir=file.parent, prefix=f".{file.name}.", encoding="utf-8", newline="", delete=False
    ) as stream:
        made = Path(stream.name)
        try:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            shutil.copymode(file, made)
            made.replace(file)
        except OSError:
            made.unlink(missing_ok=True)
            raise
