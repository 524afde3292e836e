"""Dead letters and their counts, as tables and as JSON."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from hub.cli.printing import printable, shown_time
from hub.config.model import Configuration
from hub.delivery.dead_letters import LetterState
from hub.log.records import Headers
from hub.replay.letters import JudgedLetter, Tally

GONE = "gone"


def effect_of(configuration: Configuration, destination: str) -> str:
    """What a repeat does there; ``gone`` where there is no such destination any more."""
    entry = configuration.destinations.get(destination)
    return GONE if entry is None else str(entry.connector.effect)


def count_table(tally: Tally, configuration: Configuration) -> Table:
    table = Table("destination", "effect", "route", "letters", "error", box=None)
    for group, count in tally.groups.most_common():
        effect = effect_of(configuration, group.destination) if group.destination else ""
        texts = (group.destination, effect, group.route, f"{count:,}", group.error)
        table.add_row(*(Text(printable(text)) for text in texts))
    return table


def count_json(tally: Tally, configuration: Configuration) -> list[dict[str, Any]]:
    return [
        {
            "destination": group.destination,
            "effect": effect_of(configuration, group.destination) if group.destination else None,
            "route": group.route,
            "error": group.error,
            "letters": count,
        }
        for group, count in tally.groups.most_common()
    ]


def letter_table(letters: list[JudgedLetter], *, states: bool) -> Table:
    """``states`` adds a column for what became of each."""
    table = Table("died", "destination", "route", "event", *(["state"] if states else []), "error", box=None)
    for judged in letters:
        letter = judged.letter
        event = letter.event or letter.place
        state = [judged.state] if states else []
        texts = (shown_time(letter.died), letter.destination, letter.route, event, *state, letter.error)
        table.add_row(*(Text(printable(text)) for text in texts))
    return table


def letter_json(judged: JudgedLetter) -> dict[str, Any]:
    letter = judged.letter
    return {
        "event": letter.event or None,
        "delivery": letter.key and letter.key.id,
        "run": letter.key and letter.key.run,
        "destination": letter.destination or None,
        "route": letter.route or None,
        "died": letter.died,
        "attempt": letter.attempt,
        "error": letter.error,
        "state": judged.state,
        "partition": letter.partition,
        "offset": letter.offset,
    }


def shown_headers(headers: Headers) -> list[tuple[str, str]]:
    """Whatever is in them, as text."""
    return [(name, (value or b"").decode(errors="replace")) for name, value in headers]


_WORDS: Mapping[LetterState, str] = {
    LetterState.WAITING: "waiting",
    LetterState.REDRIVEN: "on the way again",
    LetterState.DISCARDED: "discarded",
    LetterState.DELIVERED: "delivered since",
    LetterState.DIED_AGAIN: "redriven and died again, as a letter of its own",
    LetterState.UNCONFIRMED: "without an outcome yet: another attempt is under way",
    LetterState.REPLAY: "of a replay: `hub replay` repeats one",
    LetterState.UNREADABLE: "unreadable: to look at; it goes after 90 days",
}


def state_words(states: Counter[LetterState]) -> str:
    """``3 delivered since, 1 discarded``."""
    return ", ".join(f"{count:,} {_WORDS[state]}" for state, count in states.most_common())
