"""``hub dead list`` and ``hub dead show``: only looks."""

import heapq
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from hub.cli.dead.choosing import DeadLog, choice_options, dead_log
from hub.cli.dead.tables import count_json, count_table, letter_json, letter_table, shown_headers, state_words
from hub.cli.printing import outcome_line, printable, shown_body, shown_time, to_json
from hub.cli.progress import reading
from hub.cli.tables import wide_console
from hub.cli.wiring import config_option, fail, json_option
from hub.delivery.dead_letters import LetterState
from hub.replay.letters import Choice, JudgedLetter, Tally
from schemas.event_json import body_to_json
from schemas.outcome import Outcome

SHOWN_STATES = frozenset({LetterState.WAITING, LetterState.UNREADABLE})


@click.command(name="list", short_help="Those that wait, and how many of each kind there are.")
@choice_options
@click.option("--all", "everything", is_flag=True, help="Also those that nobody needs to look at any more.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@json_option
def list_letters(choice: Choice, config: Path, everything: bool, limit: int, as_json: bool) -> None:
    """The newest dead letters that wait, the newest last, and how many there are by destination and error."""
    counts, others = Tally(), Counter[LetterState]()

    def shown(log: DeadLog) -> Iterator[tuple[datetime, int, int, JudgedLetter]]:
        for letters in log.letters.judged(choice):
            for one in letters:
                if everything or one.state in SHOWN_STATES:
                    counts.add([one.letter])
                    yield one.letter.died, one.letter.partition, one.letter.offset, one
                else:
                    others[one.state] += 1

    with dead_log(config) as log, reading("the log"):
        newest = [row[3] for row in reversed(heapq.nlargest(limit, shown(log), key=lambda row: row[:3]))]
    if as_json:
        counted = count_json(counts, log.configuration)
        letters = [letter_json(one) for one in newest]
        click.echo(to_json({"total": counts.total, "counts": counted, "letters": letters}))
        return
    if newest:
        wide_console().print(letter_table(newest, states=everything))
        click.echo()
        wide_console().print(count_table(counts, log.configuration))
        click.echo(
            "\n`hub dead show EVENT` shows one; `hub dead redrive` and `discard` take the same options", err=True
        )
    else:
        click.echo("no dead letters wait", err=True)
    if others:
        click.echo(f"not shown without --all: {state_words(others)}", err=True)


@click.command(short_help="One of them: why it died, every attempt, its headers and bytes.")
@click.argument("identity", metavar="EVENT|DELIVERY|PLACE")
@config_option
@json_option
def show(identity: str, config: Path, as_json: bool) -> None:
    """A dead letter: why it died, what became of each run of its delivery, its headers and its bytes.

    EVENT is an event's id (with `SOURCE/` before it, or not), which may have several letters; DELIVERY a delivery's.
    PLACE is `PARTITION:OFFSET`, for a letter that nobody can read.
    """
    with dead_log(config) as log, reading("the log"):
        found = [one for letters in log.letters.judged(Choice(id=identity)) for one in letters]
        if not found:
            fail(f"there is no dead letter {identity!r}; see `hub dead list --all`")
        shown = [(judged, record, _outcomes(log, judged)) for judged, record in log.letters.records(found)]
    if as_json:
        click.echo(to_json([_json(*one) for one in shown]))
        return
    for number, one in enumerate(shown):
        if number:
            click.echo("\n" + "─" * 60 + "\n")
        _print(*one)


def _outcomes(log: DeadLog, judged: JudgedLetter) -> list[Outcome]:
    return log.letters.outcomes(judged.letter, judged.letter.received or judged.letter.died)


def _print(judged: JudgedLetter, record: Any, outcomes: list[Outcome]) -> None:
    letter = judged.letter
    table = Table(show_header=False, box=None)
    rows = [
        ("event", letter.event),
        ("delivery", letter.key.id if letter.key else ""),
        ("route", letter.route),
        ("destination", letter.destination),
        ("died", shown_time(letter.died)),
        ("error", letter.error),
        ("state", judged.state),
        ("stored at", f"partition {letter.partition}, offset {letter.offset}"),
        *((f"  {name}", text) for name, text in shown_headers(record.headers)),
    ]
    for name, text in rows:
        if text:
            table.add_row(Text(printable(name)), Text(printable(text)))
    if outcomes:
        table.add_row(Text("runs"), Text("\n".join(outcome_line(one) for one in outcomes)))
    wide_console().print(table)
    click.echo(f"\n{shown_body(record.value or b'')}")


def _json(judged: JudgedLetter, record: Any, outcomes: list[Outcome]) -> dict[str, Any]:
    headers = dict(shown_headers(record.headers))
    return {**letter_json(judged), "headers": headers, "outcomes": outcomes, **body_to_json(record.value or b"")}
