"""``hub plan``: what a configuration would change, before it does."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from hub.cli.backtest import Backtest, backtest_of_log, explained, result_json, show_result
from hub.cli.change.log import Revisions, as_it_was, loaded, no_env_option, refuse_impossible, timeout_option
from hub.cli.moments import Moment
from hub.cli.printing import printable, to_json
from hub.cli.wiring import json_option, path_of
from hub.config.differences import Difference, How, differences
from hub.config.model import Configuration, Finding
from hub.config.routing_tests import TestFailure, run_tests
from hub.lint import lint
from hub.log.connection import KafkaConnection
from schemas.revision import AppliedRevision

_CHANGES = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """``before`` is the revision in force, None where nothing was applied yet."""

    before: str | None
    after: str
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]
    failures: tuple[TestFailure, ...]
    tests: int

    @property
    def exit_code(self) -> int:
        """0: it changes nothing, 2: it does, 1: it must not."""
        if self.failures:
            return 1
        return _CHANGES if self.before != self.after else 0


@click.command(name="plan", short_help="What a configuration would change.")
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--config", type=click.Path(path_type=Path), help="The same as PATH.")
@click.option("--since", type=Moment(), help="Also decide the events received since then by both: `24h`, RFC 3339.")
@no_env_option
@json_option
@timeout_option
def command(
    *,
    path: Path | None,
    config: Path | None,
    since: datetime | None,
    no_env: bool,
    as_json: bool,
    timeout: float,
) -> None:
    """Check the configuration at PATH (default: hub.yaml), run its tests, and say what differs from the one in force;
    with --since, also what of the past it would have decided otherwise.

    Nothing is changed. Exit codes: 0 it changes nothing, 2 it changes something, 1 it cannot be applied.
    """
    where = path_of(path, config)
    configuration = loaded(where, expand=not no_env, code=1)
    revisions = Revisions(configuration.name, timeout)
    history = revisions.history()
    head = history[-1] if history else None
    current = None if head is None else as_it_was(head, where)
    refuse_impossible(current, configuration)
    plan = made(configuration, head, current)
    past = None
    if since is not None and current is not None:
        past = _decided_again(revisions.kafka, current, configuration, since)
    if as_json:
        shown = None if past is None else result_json(past.result, past.before, past.after)
        click.echo(to_json(asdict(plan) | {"backtest": shown}))
    else:
        _show(plan)
        if past is not None:
            click.echo()
            show_result(past)
        elif since is not None:
            click.echo("--since: nothing is in force yet that it could be compared with.")
    raise SystemExit(plan.exit_code)


def _decided_again(kafka: KafkaConnection, before: Configuration, after: Configuration, since: datetime) -> Backtest:
    until = datetime.now(UTC)
    with explained():
        return Backtest(before, after, since, until, backtest_of_log(kafka, before, after, since, until))


def made(configuration: Configuration, head: AppliedRevision | None, current: Configuration | None) -> Plan:
    """The plan to go from what is in force, ``current`` where that can still be read, to a configuration. Pure."""
    return Plan(
        before=head.revision if head else None,
        after=configuration.revision,
        differences=tuple(differences(head.texts if head else {}, configuration.texts)),
        findings=tuple(lint(configuration, current)),
        failures=tuple(run_tests(configuration)),
        tests=len(configuration.tests),
    )


def _show(plan: Plan) -> None:
    for finding in plan.findings:
        click.echo(str(finding))
    for failure in plan.failures:
        click.echo(str(failure))
    for one in plan.differences:
        click.echo(_line(one))
        for key in one.keys if one.how is not How.ADDED else ():
            change = f"{key.before or 'not set'} → {key.after or 'not set'}"
            click.echo(f"    {printable(key.key)}: {printable(change)}")
    if plan.before == plan.after:
        click.echo(f"Revision {plan.after} is in force; nothing would change.")
    elif plan.failures:
        click.echo(f"{len(plan.failures)} of {plan.tests} tests fail, so {plan.after} cannot be applied.")
    elif not plan.differences:
        click.echo(f"{plan.after} says the same as {plan.before}, in other words.")
    else:
        click.echo(f"{plan.before or 'Nothing'} → {plan.after}: `hub apply -m WHY` puts it into force.")


_SIGNS = {How.ADDED: "+", How.REMOVED: "-", How.CHANGED: "~", How.RENAMED: "~"}


def _line(one: Difference) -> str:
    was = f" (was {one.was})" if one.was else ""
    what = one.name if one.what == "settings" else f"{one.what} {one.name}"
    note = ""
    if one.what == "destination" and one.how is How.REMOVED:
        note = ": what waits for it is still delivered, then it is over"
    elif one.what == "route" and one.how is How.REMOVED:
        note = ": what it has decided is still delivered"
    return f"{_SIGNS[one.how]} {printable(what)}{was}{note}"
