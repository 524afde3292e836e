"""``hub wait``: until a job has ended."""

from datetime import datetime

import click

from hub.cli.api_address import announced
from hub.cli.moments import Moment
from hub.cli.printing import printable, shown_body, shown_time, to_json
from hub.cli.wiring import fail, json_option, settings
from hub.client import Event, Hub, HubError
from schemas.event_json import event_to_json
from schemas.quantities import parse_duration


class Span(click.ParamType):
    """Seconds, written as a duration."""

    name = "24h"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        try:
            return parse_duration(value).total_seconds()
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(name="wait", short_help="Wait until a job has ended.")
@click.argument("job")
@click.option("--source", multiple=True, help="Of this source only; may be repeated.")
@click.option("--type", "types", multiple=True, help="Wait for this type of event (`batch.*`); may be repeated.")
@click.option("--since", type=Moment(), help="Received since then.  [default: 48h]")
@click.option("--timeout", type=Span(), help="Give up after so long.  [default: never]")
@json_option
def command(
    job: str,
    source: tuple[str, ...],
    types: tuple[str, ...],
    since: datetime | None,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Print the event that ends a job: at once if it is in the log, else when it comes. Nothing is polled.

    JOB is the job's id in any of its forms: `batches/123` is `123`. Asks the api of HUB_API, else that of HUB_HOME.

    Exit codes: 0 here it is, 1 it has not come in time, or no hub answers.
    """
    found = settings()
    hub = Hub(found.api or announced(found), token=found.token)
    try:
        event = hub.wait(job, source=source, type=types, since=since, timeout=timeout)
    except HubError as error:  # also when it has not come in time
        fail(str(error))
    if as_json:
        click.echo(to_json(event_to_json(event, partition=event.partition, offset=event.offset)))
        return
    _print(event)


def _print(event: Event) -> None:
    for name, text in (
        ("type", event.type),
        ("subject", event.subject),
        ("source", event.source),
        ("id", event.id),
        ("received", shown_time(event.received)),
        ("metadata", to_json(event.metadata, indent=False) if event.metadata else None),
    ):
        if text:
            click.echo(f"{name:10}{printable(text)}")
    click.echo(f"\n{shown_body(event.body)}")
