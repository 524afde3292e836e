"""What senders wrote, shown safely: no escape sequence of theirs reaches the terminal."""

from datetime import datetime
from typing import Any

import orjson

from hub.log.reader import StoredEvent
from schemas.decision import Decision
from schemas.event_json import event_to_json
from schemas.exact_json import dumps
from schemas.lane import Lane
from schemas.outcome import Outcome

SHOWN_BYTES = 10_000
"""A longer body is cut on the terminal; ``--json`` has all of it."""


def printable(text: str, keep: str = "") -> str:
    r"""Control and invisible characters as Python would write them (``\x1b``), except those to keep."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in keep else ascii(character)[1:-1] for character in text
    )


def shown_time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_body(body: bytes) -> str:
    """The body for a terminal: JSON indented, other text as it is, anything else as a remark."""
    if len(body) <= SHOWN_BYTES:
        try:
            return printable(orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode(), keep="\n")
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):  # nested deeper than it writes
            pass
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"({len(body):,} bytes that are no text; --json has them in base64)"
    cut = f"\n… {len(text) - SHOWN_BYTES:,} more characters; --json has all" if len(text) > SHOWN_BYTES else ""
    return printable(text[:SHOWN_BYTES], keep="\n\t") + cut


def event_json(stored: StoredEvent, *, body: bool) -> dict[str, Any]:
    """An event as ``--json`` prints it."""
    return event_to_json(stored.event, partition=stored.partition, offset=stored.offset, body=body)


def outcome_line(outcome: Outcome) -> str:
    """One attempt, one line."""
    lane = f", {outcome.lane} lane" if outcome.lane is not Lane.NORMAL else ""
    error = f"  {printable(outcome.error)}" if outcome.error else ""
    if not outcome.attempt:  # nobody tried: somebody decided
        return f"{shown_time(outcome.ended)}  {outcome.state}{shown_run(outcome.run)}{error}"
    took = (outcome.ended - outcome.started).total_seconds()
    what = f"{outcome.state}{shown_run(outcome.run)}, attempt {outcome.attempt}{lane}"
    return f"{shown_time(outcome.ended)}  {what}, {took:.3f} s{error}"


def shown_run(run: str) -> str:
    if not run:
        return ""
    return f" {'redrive' if run.startswith('r') else 'replay'} {printable(run)}"


def decision_line(decision: Decision | None) -> str:
    if decision is None:
        return "not yet (is `hub up` or `hub worker` running?)"
    when = f"{shown_time(decision.decided)} by revision {decision.revision}"
    return f"{when}: {len(decision.deliveries)} deliveries" if decision.deliveries else f"{when}: no route matched"


def to_json(value: object, *, indent: bool = True) -> str:
    option = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indent else 0)
    return dumps(value, option=option).decode()
