"""``hub test``: runs the ``tests:`` of ``hub.yaml``, and records new ones."""

from pathlib import Path
from typing import Any

import click

from hub.cli.printing import printable, to_json
from hub.cli.test_recording import record
from hub.cli.test_results import failure_json
from hub.cli.wiring import fail, json_option, load_for_a_look, path_of
from hub.config.model import Configuration, RoutingTest
from hub.config.routing_tests import TestFailure, results_of
from hub.supervisor import CONFIGURATION_ERROR


@click.command(name="test", short_help="Run the tests of hub.yaml, or record one from a real event.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--config", type=click.Path(path_type=Path), help="The same as PATH.")
@click.option("-k", "wanted", metavar="TEXT", help="Only tests with this in their name.")
@click.option("--no-env", is_flag=True, help="Accept variables that are not set: for tests without the secrets.")
@click.option("--record", "recorded", metavar="ID|SOURCE/ID", help="Add a test made of this event of the log.")
@click.option("--name", help="Name of the recorded test.  [default: type and subject of the event]")
@click.option("--renders", is_flag=True, help="Record what the templates of its routes come to, too.")
@click.option("--metadata-only", is_flag=True, help="Record without the body, which may hold what must not be kept.")
@json_option
def command(
    *,
    path: Path | None,
    config: Path | None,
    wanted: str | None,
    no_env: bool,
    recorded: str | None,
    name: str | None,
    renders: bool,
    metadata_only: bool,
    as_json: bool,
) -> None:
    """Run the `tests:` of the configuration at PATH (a file, or a folder of *.yaml; default: hub.yaml): which routes an
    event matches, and what their templates make of it. Nothing is sent.

    With --record, add one instead, at the end of `tests:`, and leave all other lines as they are. It holds the event's
    attributes, metadata and body as the sender wrote them (headers only if a route looks at them), and the routes it
    takes now. Look at it before you commit it.

    Exit codes: 0 all tests pass, 1 one fails, 2 the configuration cannot be used or no test has that name.
    """
    if recorded is None and (name is not None or renders or metadata_only):
        raise click.UsageError("--name, --renders and --metadata-only say how to record a test; add --record ID.")
    if recorded is not None and (wanted is not None or no_env or as_json):
        raise click.UsageError("--record writes a test and runs none; leave -k, --no-env and --json out.")
    path = path_of(path, config)
    configuration = load_for_a_look(path, expand=not no_env)
    if recorded is not None:
        record(configuration, path, recorded, name=name, renders=renders, metadata_only=metadata_only)
        return
    tests = [test for test in configuration.tests if wanted is None or wanted.lower() in test.name.lower()]
    if wanted is not None and not tests:
        fail(f"no test has {wanted!r} in its name; there are {len(configuration.tests)} others", CONFIGURATION_ERROR)
    results = list(results_of(configuration, tests))
    failed = sum(failure is not None for _, failure in results)
    if as_json:
        click.echo(to_json({"ok": not failed, "tests": [_json(test, failure) for test, failure in results]}))
    else:
        for test, failure in results:
            _show(test, failure)
        _sum_up(configuration, len(tests), failed)
    raise SystemExit(1 if failed else 0)


def _show(test: RoutingTest, failure: TestFailure | None) -> None:
    verdict = click.style("pass", fg="green") if failure is None else click.style("FAIL", fg="red", bold=True)
    click.echo(f"{verdict}  {printable(test.name)}" + ("" if failure is None else f"  ({test.where})"))
    for detail in () if failure is None else failure.details:
        for line in detail.split("\n"):
            click.echo(f"      {_coloured(printable(line))}")


def _coloured(line: str) -> str:
    mark = line.strip()[:2]
    return click.style(line, fg={"- ": "red", "+ ": "green"}.get(mark))


def _sum_up(configuration: Configuration, ran: int, failed: int) -> None:
    if not configuration.tests:
        click.echo("there are no tests; `hub test --record ID` makes one of an event of the log", err=True)
        return
    others = len(configuration.tests) - ran
    left_out = f", {others} left out" if others else ""
    click.echo(f"{ran - failed} passed, {failed} failed{left_out}; revision {configuration.revision}")


def _json(test: RoutingTest, failure: TestFailure | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": test.name,
        "file": test.where.file,
        "line": test.where.line,
        "passed": failure is None,
    }
    if failure is None:
        return found
    return found | failure_json(failure)
