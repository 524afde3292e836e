"""``hub send``: plays a sender, so that a source can be tried without its real one."""

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
import click
import orjson

from connectors.api import Context, Expression, OutgoingHttp, SampleSender
from hub.cli.wiring import config_option, fail, load_configuration, settings
from hub.config.model import Configuration
from hub.config.settings import Settings
from hub.supervisor import CONFIGURATION_ERROR

ACCEPTED = 202
_TIMEOUT = aiohttp.ClientTimeout(total=30)


@click.command(name="send", short_help="Sign an event as its sender would, and post it.")
@click.argument("source")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--sample", metavar="TYPE", help="Send a realistic event of this type; an unknown one lists them all.")
@click.option("--metadata", metavar="K=V", multiple=True, help="Metadata to put where the source looks for it; repeat.")
@click.option("--id", "event_id", help="The event's id. Default: a new one.")
@click.option("--endpoint", default="", help="Endpoint to address: what follows the source in the URL.")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Where the ingress listens.")
@config_option
def command(
    source: str,
    file: BinaryIO | None,
    sample: str | None,
    metadata: tuple[str, ...],
    event_id: str | None,
    endpoint: str,
    url: str,
    config: Path,
) -> None:
    """Sign an event with the first secret of SOURCE, and post it to the ingress.

    \b
    hub send gemini --sample batch.succeeded --metadata team=search
    hub send shop order.json            (- reads standard input)
    """  # noqa: D301  (\b is click's mark for "do not re-wrap")
    found = settings()
    configuration = load_configuration(config)
    sender = sample_sender(configuration, source, found)
    if (file is None) == (sample is None):
        raise click.UsageError(f"give either a FILE or --sample with one of {', '.join(sender.sample_types())}")
    now = datetime.now(UTC)
    try:
        body = sample_body(sender, sample, now) if sample else file.read() if file else b""
        if metadata:
            mapping = configuration.sources[source].config.metadata
            body = with_metadata(sender, mapping, body, dict(_pair(each) for each in metadata))
        headers = sender.sign(body, event_type=sample, event_id=event_id or f"msg_{uuid.uuid4().hex}", now=now)
    except ValueError as error:
        fail(str(error), CONFIGURATION_ERROR)
    target = "/".join(part for part in (url.rstrip("/"), "in", source, endpoint.strip("/")) if part)
    try:
        status, answer = asyncio.run(_post(target, body, headers))
    except (aiohttp.ClientError, TimeoutError) as error:
        fail(
            f"cannot reach {target}: {str(error) or type(error).__name__}; is `hub up` or `hub ingress` running there?"
        )
    if status != ACCEPTED:
        fail(f"{target} answered {status}: {answer}")
    click.echo(f"{status} {answer}")


def sample_sender(configuration: Configuration, name: str, found: Settings) -> SampleSender:
    """The sender's side of a source. Exits with 2 where there is none."""
    entry = configuration.sources.get(name)
    if entry is None:
        known = list(configuration.sources)
        fail(f"there is no source {name!r}, only {', '.join(known) or 'none at all'}{_hint(name, known)}", 2)
    http = OutgoingHttp(allow_private=found.allow_private)
    source = entry.connector(entry.config, Context(name, found.home, logging.getLogger(f"source.{name}"), http))
    if not isinstance(source, SampleSender):
        fail(f"sources of type {entry.connector.name} cannot play their sender: {source.instead_of_samples}", 2)
    return source


def sample_body(sender: SampleSender, event_type: str, now: datetime) -> bytes:
    """Raises ValueError where there is no sample of that type."""
    known = sender.sample_types()
    if event_type not in known:
        raise ValueError(f"no sample of type {event_type!r}; there are {', '.join(known)}{_hint(event_type, known)}")
    return orjson.dumps(sender.sample(event_type, now))


def with_metadata(
    sender: SampleSender, mapping: Mapping[str, Expression], body: bytes, metadata: Mapping[str, str]
) -> bytes:
    """The body with metadata where the source will find it: where its ``metadata`` option looks, or else where this
    kind of sender puts it.

    Raises:
        ValueError: there is no such place in this body.
    """
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"--metadata needs a JSON body, and this is none: {error}") from None
    if not isinstance(payload, dict):
        raise ValueError("--metadata needs a JSON object as the body")
    attached = {key: value for key, value in metadata.items() if key not in mapping}
    for key, value in metadata.items():
        if key in mapping:
            _place(payload, key, mapping[key], value)
    return orjson.dumps(sender.attach(payload, attached))


def _place(payload: dict[str, Any], key: str, expression: Expression, value: str) -> None:
    if expression.path is None:
        raise ValueError(f"metadata {key} is mapped by {expression.source!r}, which names no single field to write")
    *parents, last = expression.path
    place = payload
    for name in parents:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise ValueError(f"metadata {key} belongs at {expression.source}, but {name} is no object in this body")
    place[last] = value


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.UsageError(f"--metadata {text!r} is not KEY=VALUE")
    return key, value


def _hint(wrong: str, known: Sequence[str]) -> str:
    close = get_close_matches(wrong, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        return response.status, (await response.text(errors="replace"))[:2000]
