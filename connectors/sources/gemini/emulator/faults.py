"""What goes wrong on purpose, with which probability, and for which delivery (pure: a seed gives the same again)."""

import random
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum


class Fault(StrEnum):
    DUPLICATE = "duplicate"
    """The event is sent twice, each until it is accepted."""
    LOST = "lost"
    """The event is never sent; polling alone finds the job's end."""
    REORDER = "reorder"
    """The first attempt is held back, so that later events overtake it."""
    WRONG_SIGNATURE = "wrong-signature"
    WRONG_KEY = "wrong-key"
    """Signed properly, with a key the receiver has never seen."""
    STALE_TIMESTAMP = "stale-timestamp"
    """Signed properly, ten minutes ago."""
    SLOW = "slow"
    """The second half of the body comes late."""


OF_EVENTS = (Fault.LOST, Fault.DUPLICATE, Fault.REORDER)
OF_ATTEMPTS = (Fault.WRONG_SIGNATURE, Fault.WRONG_KEY, Fault.STALE_TIMESTAMP, Fault.SLOW)
HELD_BACK = (60.0, 900.0)
"""How long a reordered event waits: at least, at most; emulated seconds."""

Faults = Mapping[Fault, float]


def parse_faults(text: str) -> Faults:
    """Read ``duplicate=0.1,lost=0.05``; raises ValueError that says what is wrong."""
    found: dict[str, object] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, probability = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} needs a probability, like {part}=0.1")
        found[name.strip()] = probability.strip()
    return check_faults(found)


def check_faults(found: Mapping[str, object]) -> Faults:
    """Names and probabilities as someone wrote them; raises ValueError that says what is wrong."""
    faults: dict[Fault, float] = {}
    for name, value in found.items():
        if name not in list(Fault):
            close = get_close_matches(name, list(Fault), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ValueError(f"there is no fault {name!r}, only {', '.join(Fault)}{hint}")
        faults[Fault(name)] = probability(name, value)
    return faults


def probability(name: str, value: object) -> float:
    """Raises ValueError."""
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError(f"{name}={value} is not a probability; write a number from 0 to 1")
    return number


def chance(seed: int, *about: object) -> float:
    """A number in [0, 1) that only depends on the seed and what it is about."""
    return random.Random(repr((seed, *about))).random()  # noqa: S311  (chance, not secrecy)


def of_event(faults: Faults, seed: int, number: int) -> frozenset[Fault]:
    """What befalls delivery ``number`` as a whole."""
    return frozenset(fault for fault in OF_EVENTS if chance(seed, fault.value, number) < faults.get(fault, 0))


def of_attempt(faults: Faults, seed: int, number: int, attempt: int) -> Fault | None:
    """What befalls one attempt; the first one drawn, as a request cannot be wrong in two ways."""
    for fault in OF_ATTEMPTS:
        if chance(seed, fault.value, number, attempt) < faults.get(fault, 0):
            return fault
    return None


def held_back(seed: int, number: int) -> float:
    """How long a reordered delivery waits; emulated seconds."""
    least, most = HELD_BACK
    return least + (most - least) * chance(seed, "held back", number)
