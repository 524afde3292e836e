"""``hub emulate gemini``: options → Settings, and the server."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.faults import Fault, parse_faults
from connectors.sources.gemini.emulator.lifecycle import IdForm, MetadataPlace
from connectors.sources.gemini.emulator.records import Outcome
from connectors.sources.gemini.emulator.scenario import Scenario, ScenarioError, load_scenario, parse_weights
from connectors.sources.gemini.emulator.server import AddressInUseError, bind, serve
from connectors.sources.gemini.emulator.settings import Settings
from connectors.sources.gemini.emulator.signing import DynamicSignature
from connectors.sources.gemini.emulator.store import StoreError

T = TypeVar("T")
_DEFAULT_HOME = "emulators/gemini"


def _parsed(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str], T]:
    """A click callback of a parser that raises ValueError."""

    def callback(_context: click.Context, _parameter: click.Parameter, value: str) -> T:
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return callback


@click.command(name="gemini", short_help="The Gemini API's jobs and webhooks.")
@click.option("--port", type=click.IntRange(0, 65535), default=8931, show_default=True, help="Port; 0 for a free one.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("HUB_HOME", ".hub")) / _DEFAULT_HOME,
    show_default=f"$HUB_HOME/{_DEFAULT_HOME}",
    help="Folder for its state; a restart goes on where it was.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="How much faster than real time jobs, retries and expiries go; 60: a minute lasts a second.",
)
@click.option("--seed", default=0, show_default=True, help="The same seed, the same chances.")
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="YAML or JSON: which jobs take how long and end how.",
)
@click.option(
    "--outcomes",
    default="",
    callback=_parsed(parse_weights),
    help="How other jobs end, as probabilities: fail=0.1,expire=0.05. The rest succeeds. "
    f"There are {', '.join(Outcome)}.",
)
@click.option(
    "--faults",
    default="",
    callback=_parsed(parse_faults),
    help=f"What goes wrong, as probabilities: duplicate=0.1,lost=0.05. There are {', '.join(Fault)}.",
)
@click.option(
    "--dynamic-signature",
    type=click.Choice(DynamicSignature),
    default=DynamicSignature.V1A,
    show_default=True,
    help="How webhooks of a job's own webhook_config are signed: as observed (v1a, Ed25519) or as documented (jwt, "
    "RS256).",
)
@click.option("--audience", default="hub", show_default=True, help="The `aud` of a JWT.")
@click.option(
    "--metadata-at",
    type=click.Choice(MetadataPlace),
    default=MetadataPlace.TOP,
    show_default=True,
    help="Where user_metadata stands in an event: beside `data` or in it.",
)
@click.option(
    "--id-form",
    type=click.Choice(IdForm),
    default=IdForm.NAME,
    show_default=True,
    help="The `data.id` of an event: batches/123 or 123.",
)
@click.option(
    "--disable-after",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Disable a registered webhook after so many deliveries in a row that were given up after 24 hours.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=15.0,
    show_default=True,
    help="Seconds a receiver may take; real ones, whatever the speed.",
)
@click.option(
    "--slow-for", default=3.0, show_default=True, help="Seconds by which a slow webhook's second half is late."
)
@click.option("--quiet", is_flag=True, help="Do not say how to use it.")
@click.option("--api-key", help="The only key to accept. Any will do unless told.")
@click.option(
    "--allow-public-targets", is_flag=True, help="Send webhooks to the internet, too, not only to this machine."
)
def command(home: Path, port: int, speed: float, scenario: Path | None, quiet: bool, **options: Any) -> None:  # noqa: FBT001  (click passes options by name)
    """Emulate the part of the Gemini API that runs jobs and sends webhooks, for developing without Google.

    It listens on loopback only. Point a client at it with GOOGLE_GEMINI_BASE_URL; any API key will do. What Google does
    not have is below /emulator: status, jobs, deliveries, clock, faults, keys.
    """
    try:
        listening = bind(port)
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        emulator = Emulator(home, _settings(base_url, _scenario(scenario), **options), speed=speed)
    except (AddressInUseError, StoreError) as error:
        raise click.ClickException(str(error)) from error
    if not quiet:
        click.echo(_introduction(emulator.settings, home, speed))
    try:
        serve(emulator, listening)
    finally:
        emulator.close()


def _scenario(path: Path | None) -> Scenario:
    try:
        return load_scenario(path) if path else Scenario()
    except ScenarioError as error:
        raise click.UsageError(str(error)) from error


def _settings(base_url: str, scenario: Scenario, **options: Any) -> Settings:
    renamed = {"signature": "dynamic_signature", "metadata_place": "metadata_at"}
    given = {name: options.pop(option) for name, option in renamed.items()}
    return Settings(base_url=base_url, scenario=scenario, **given, **options)


def _introduction(settings: Settings, home: Path, speed: float) -> str:
    pace = "in real time" if speed == 1 else f"{speed:g} times as fast as real time"
    return f"""\
The Gemini API is emulated at {settings.base_url}, {pace}; its state is in {home}.

  export GOOGLE_GEMINI_BASE_URL={settings.base_url} GEMINI_API_KEY=any
  client = genai.Client(http_options={{"base_url": "{settings.base_url}"}})

In hub.yaml, for webhooks that a job names itself (HUB_ALLOW_PRIVATE=1 lets the hub fetch the keys):
  gemini-jobs: {{type: gemini-dynamic, jwks_url: "{settings.jwks_url}"}}

Look at it: curl {settings.base_url}/emulator/jobs (and status, deliveries)
"""
