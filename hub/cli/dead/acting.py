"""``hub dead redrive`` and ``hub dead discard``: a dry run first, then with ``--yes`` in earnest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from connectors.context import utc_now
from hub.cli.controls import whoami
from hub.cli.dead.choosing import DeadLog, choice_options, dead_log
from hub.cli.dead.tables import count_json, count_table, state_words
from hub.cli.paced_writing import Rate, write_all
from hub.cli.printing import printable, to_json
from hub.cli.progress import progress_bar, reading
from hub.cli.tables import wide_console
from hub.cli.wiring import json_option
from hub.delivery.dead_letters import LetterState
from hub.replay import redrive as redriving
from hub.replay.letters import Choice
from hub.replay.paced import step_size
from hub.replay.redrive import Rewrite, Survey, Wanted, rewriting

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def _acting_options(command: CommandT) -> CommandT:
    command = click.option("--rate", type=Rate(), default="100/s", show_default=True, help="Letters per second.")(
        command
    )
    return click.option("--yes", is_flag=True, help="Do it. Without, only say what would be done.")(command)


@dataclass(frozen=True, slots=True)
class _Action:
    """``done`` is the participle that sentences are made of."""

    done: str
    wanted: Wanted
    rewrite: Rewrite


@click.command(short_help="Deliver them again, with the same bytes.")
@choice_options
@click.option("--discarded", is_flag=True, help="Also those that were discarded.")
@_acting_options
@json_option
def redrive(choice: Choice, config: Path, discarded: bool, yes: bool, rate: float, as_json: bool) -> None:
    """Deliver dead letters again, from the first attempt on: the same bytes, in the lane they came from.

    A dry run unless --yes is given. Ctrl-C stops it, and the same command goes on where it stopped: what is on its way
    already is left alone, and a letter that is written twice is delivered once.

    Exit code 1: stopped, or there are letters that cannot be redriven, because their destination is gone.
    """
    states = {LetterState.WAITING, *([LetterState.DISCARDED] if discarded else [])}
    with dead_log(config) as log:
        configuration = log.configuration
        rewrite = redriving.redrive(configuration.topics, configuration.revision)
        action = _Action("redriven", Wanted(states, configuration.destinations), rewrite)
        raise SystemExit(_run(log, choice, action, rate, yes=yes, as_json=as_json))


@click.command(short_help="Give them their end: nobody needs to look any more.")
@choice_options
@click.option("--reason", required=True, help="Why; it is kept with the outcome, and so is your user name.")
@_acting_options
@json_option
def discard(choice: Choice, config: Path, reason: str, yes: bool, rate: float, as_json: bool) -> None:
    """Give dead letters their end: nobody needs to look at them any more. They stay on record for their 90 days.

    A dry run unless --yes is given. `hub dead redrive --discarded` still delivers them. Exit code 1: stopped.
    """
    with dead_log(config) as log:
        rewrite = redriving.discard(log.configuration.topics, f"discarded by {whoami()}: {reason}", utc_now)
        action = _Action("discarded", Wanted({LetterState.WAITING}), rewrite)
        raise SystemExit(_run(log, choice, action, rate, yes=yes, as_json=as_json))


def _run(log: DeadLog, choice: Choice, action: _Action, rate: float, *, yes: bool, as_json: bool) -> int:
    with reading("the log"):
        found = redriving.survey(log.letters.judged(choice), action.wanted)
    if not as_json:
        _show(log, found, action.done, yes=yes)
    written, finished = 0, True
    if yes and found.taken.total:
        written, finished = _write(log, choice, action, rate, found.taken.total)
    if as_json:
        click.echo(to_json(_json(log, found, action.done, written)))
    elif yes:
        click.echo(f"{written:,} {action.done}{'' if finished else '; the same command goes on with the rest'}")
    return 1 if found.refused.total or not finished else 0


def _write(log: DeadLog, choice: Choice, action: _Action, rate: float, total: int) -> tuple[int, bool]:
    """How many were written, and whether these are all: not if it was stopped."""
    log.admin.ensure()  # a lane may be younger than the letter
    written = 0
    with progress_bar(action.done, total) as advance:

        def done(count: int) -> None:
            nonlocal written
            written += count
            advance(count)

        finished = write_all(
            rewriting(log.letters, choice, action.wanted, action.rewrite, step_size(rate)),
            log.kafka,
            max_body=log.configuration.max_body,
            rate=rate,
            done=done,
            again="Run the same command again: it goes on with the rest",
        )
    return written, finished


def _show(log: DeadLog, found: Survey, done: str, *, yes: bool) -> None:
    if found.taken.total:
        if not yes:
            click.echo(f"{found.taken.total:,} dead letters would be {done}; --yes does it:\n")
        wide_console().print(count_table(found.taken, log.configuration))
    else:
        click.echo(f"no dead letters to be {done}", err=True)
    for destination, count in found.refused.by_destination().items():
        click.echo(
            f"{count:,} cannot be {done}: there is no destination {printable(destination)} in hub.yaml any more; "
            f"put it back, or `hub dead discard --destination {printable(destination)}`",
            err=True,
        )
    if found.others:
        click.echo(f"left alone: {state_words(found.others)}", err=True)


def _json(log: DeadLog, found: Survey, done: str, written: int) -> Mapping[str, Any]:
    return {
        "chosen": count_json(found.taken, log.configuration),
        "refused": count_json(found.refused, log.configuration),
        "left_alone": {str(state): count for state, count in found.others.items()},
        done: written,
    }
