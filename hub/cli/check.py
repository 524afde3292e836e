"""``hub check``: is this configuration right, and does it route as its tests say?"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import click

from hub.cli.earlier import earlier
from hub.cli.opening import Opened, open_destinations
from hub.cli.printing import printable
from hub.cli.test_results import failure_json
from hub.cli.wiring import json_option, path_of, settings
from hub.config.load import ConfigurationError, load
from hub.config.model import Configuration, Finding, Where
from hub.config.routing_tests import TestFailure, run_tests
from hub.lint import CODES, lint


@click.command(name="check", short_help="Validate the configuration and run its tests.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--config", type=click.Path(path_type=Path), help="The same as PATH.")
@click.option("--no-env", is_flag=True, help="Accept variables that are not set: for a check without the secrets.")
@click.option("--connect", is_flag=True, help="Also open every destination, and report each.")
@click.option(
    "--against",
    metavar="PATH|REVISION",
    help="Also compare with what it was: another file or folder, or this one in a revision of Git.",
)
@click.option("--ignore", "ignored", multiple=True, type=click.Choice(list(CODES)), help="Findings to leave out.")
@json_option
def command(
    *,
    path: Path | None,
    config: Path | None,
    no_env: bool,
    connect: bool,
    against: str | None,
    ignored: tuple[str, ...],
    as_json: bool,
) -> None:
    """Validate the configuration at PATH (a file, or a folder of *.yaml; default: hub.yaml) and run its tests.

    Every mistake is reported with its line. So is what is valid and probably not meant, with a code and what to write
    instead: patterns that can never match, fields no event has, routes that take each other's events. Nothing is sent,
    and without --connect nothing is opened.

    Exit codes: 0 all is well, 1 a test fails, a destination cannot be opened or there is a finding, 2 the
    configuration cannot be used.
    """
    path = path_of(path, config)
    if no_env and connect:
        raise click.UsageError("--connect needs the variables that --no-env leaves unset; give one of them.")
    try:
        configuration = load(path, os.environ, expand=not no_env)
    except ConfigurationError as error:
        _show_problems(error, as_json=as_json)
        raise SystemExit(2) from None
    before = None if against is None else earlier(against, path, expand=not no_env)
    findings = [each for each in lint(configuration, before) if each.code not in ignored]
    failures = run_tests(configuration)
    opened = _connect(configuration) if connect else []
    fine = not failures and not findings and all(each.error is None for each in opened)
    if as_json:
        click.echo(json.dumps(_report(configuration, findings, failures, opened, ok=fine), indent=2))
    else:
        _show(configuration, findings, failures, opened)
    raise SystemExit(0 if fine else 1)


def _connect(configuration: Configuration) -> list[Opened]:
    found = settings()
    destinations = list(configuration.destinations.values())
    return asyncio.run(open_destinations(destinations, home=found.home, allow_private=found.allow_private))


def _show_problems(error: ConfigurationError, *, as_json: bool) -> None:
    if as_json:
        problems = [_at(each.where) | {"message": each.message} for each in error.problems]
        click.echo(json.dumps({"ok": False, "problems": problems}, indent=2))
        return
    click.echo(str(error), err=True)
    count = len(error.problems)
    click.echo(f"hub: {count} {'problem' if count == 1 else 'problems'}", err=True)


def _show(
    configuration: Configuration, findings: list[Finding], failures: list[TestFailure], opened: list[Opened]
) -> None:
    for finding in findings:
        click.echo(f"{finding}")
    for failure in failures:
        click.echo(f"{failure}")
    for each in opened:
        click.echo(f"{each.name}: {'opened' if each.error is None else printable(each.error)} ({each.seconds:.2f} s)")
    counts = (
        _count(len(configuration.sources), "source"),
        _count(len(configuration.destinations), "destination"),
        _count(len(configuration.routes), "route"),
    )
    passed = len(configuration.tests) - len(failures)
    tests = f"{passed} of {len(configuration.tests)} tests passed" if configuration.tests else "no tests"
    click.echo(f"{', '.join(counts)}; {tests}; revision {configuration.revision}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _report(
    configuration: Configuration,
    findings: list[Finding],
    failures: list[TestFailure],
    opened: list[Opened],
    *,
    ok: bool,
) -> dict[str, Any]:
    return {
        "ok": ok,
        "revision": configuration.revision,
        "sources": list(configuration.sources),
        "destinations": list(configuration.destinations),
        "routes": [route.id for route in configuration.routes],
        "tests": len(configuration.tests),
        "findings": [
            _at(each.where) | {"code": each.code, "message": each.message, "fix": each.fix} for each in findings
        ],
        "failures": [_at(each.where) | {"test": each.name} | failure_json(each) for each in failures],
        "opened": [{"destination": each.name, "error": each.error, "seconds": each.seconds} for each in opened],
    }


def _at(where: Where) -> dict[str, Any]:
    return {"file": where.file, "line": where.line}
