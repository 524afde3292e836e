"""What goes wrong, when, and for how long: decided by a seed alone, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.events import ALERTS, ARCHIVE, HOOKS, WAREHOUSE
from tests.chaos.fault_proxy import Mode
from tests.fixtures.s3_faults import Fault as PutFault

DESTINATIONS = frozenset({WAREHOUSE, HOOKS, ALERTS})
"""Those at which an effect may happen twice, in a fault; an archive has no excuse."""
JVM = "jvm"


class Kind(StrEnum):
    KILL = "kill -9"
    FREEZE = "SIGSTOP"
    KILL_SUPERVISOR = "kill -9 of the supervisor"
    BROKER_DOWN = "broker down"
    REBALANCE = "workers come and go"
    DISK_FULL = "disk full"
    NETWORK = "network"
    ANSWER = "answer"
    DATABASE_RESTART = "database restart"
    DATABASE_LOCK = "table locked"
    DATABASE_DEADLOCK = "deadlock"
    SKEW = "sender's clock is off"
    GARBAGE = "garbage in the topics"
    FLOOD = "duplicates"
    REUSE = "ids used again"
    BROKEN_RULES = "broken hub.yaml"


@dataclass(frozen=True, slots=True)
class Hazard:
    """Something that can go wrong. ``repeats`` are the destinations at which it may make an effect happen twice.

    ``target`` is what it happens to: two faults of one target never overlap. ``detail`` says more, by kind: the mode of
    a network, the status of an answer.
    """

    kind: Kind
    target: str
    shortest: float = 0.0
    longest: float = 0.0
    detail: str = ""
    repeats: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """A hazard that comes true: when ``at`` (0 to 1) of the load is accepted, for ``lasts`` seconds."""

    number: int
    hazard: Hazard
    at: float
    lasts: float

    def __str__(self) -> str:
        hazard = self.hazard
        return " ".join(word for word in (hazard.kind, hazard.target, hazard.detail, f"{self.lasts:.1f} s") if word)


@dataclass(frozen=True, slots=True)
class Window:
    """When a fault was there, in seconds since 1970: from before it was injected until it was healed."""

    fault: Fault
    began: float
    healed: float


def _of(name: str) -> frozenset[str]:
    """Where a fault of a part of the hub may cause repeats: that part's destination, or everywhere."""
    if name in DESTINATIONS:
        return frozenset({name})
    return DESTINATIONS if name in {"broker", JVM} else frozenset()


PARTS = ("ingress", "route", WAREHOUSE, HOOKS, ALERTS, ARCHIVE)
SESSION = 3.0  # seconds for which a group keeps a silent worker's partitions, on the embedded broker

HAZARDS: Sequence[Hazard] = (
    *(Hazard(Kind.KILL, name, repeats=_of(name)) for name in (*PARTS, "broker", JVM)),
    *(Hazard(Kind.FREEZE, name, 2 * SESSION, 3 * SESSION, repeats=_of(name)) for name in (*PARTS, JVM)),
    Hazard(Kind.KILL_SUPERVISOR, "hub", repeats=DESTINATIONS),
    Hazard(Kind.BROKER_DOWN, JVM, 4.0, 8.0, repeats=DESTINATIONS),
    Hazard(Kind.REBALANCE, "groups", 6.0, 12.0, repeats=DESTINATIONS),
    Hazard(Kind.DATABASE_RESTART, WAREHOUSE, 0.0, 4.0, repeats=_of(WAREHOUSE)),
    Hazard(Kind.DATABASE_LOCK, WAREHOUSE, 2.0, 6.0, repeats=_of(WAREHOUSE)),
    Hazard(Kind.DATABASE_DEADLOCK, WAREHOUSE, 2.0, 6.0, repeats=_of(WAREHOUSE)),
    *(
        Hazard(Kind.NETWORK, name, 2.0, 8.0, mode, _of(name))
        for name in (WAREHOUSE, HOOKS, ALERTS, ARCHIVE)
        for mode in Mode
        if mode is not Mode.PASS
    ),
    *(Hazard(Kind.ANSWER, name, 2.0, 8.0, status, _of(name)) for name in (HOOKS, ALERTS) for status in ("429", "500")),
    *(Hazard(Kind.ANSWER, ARCHIVE, 2.0, 8.0, each) for each in PutFault),
    Hazard(Kind.SKEW, "sender", 1.0, 4.0),
    Hazard(Kind.GARBAGE, "topics"),
    Hazard(Kind.FLOOD, "sender"),
    Hazard(Kind.REUSE, "sender"),
    Hazard(Kind.BROKEN_RULES, "hub", 2.0, 6.0, repeats=DESTINATIONS),
)

DISK_HAZARDS: Sequence[Hazard] = (
    Hazard(Kind.DISK_FULL, "kafka", 4.0, 8.0, repeats=DESTINATIONS),
    Hazard(Kind.DISK_FULL, "home", 4.0, 8.0, repeats=DESTINATIONS),
)
"""For where a file system can be mounted: root on Linux."""


def schedule(seed: int, count: int, hazards: Sequence[Hazard]) -> list[Fault]:
    """``count`` faults in the order of their time. Every hazard comes true once before any does twice."""
    chance = random.Random(seed)  # noqa: S311  (repeatable is the point)
    chosen: list[Hazard] = []
    while len(chosen) < count:
        round_of_all = list(hazards)
        chance.shuffle(round_of_all)
        chosen += round_of_all[: count - len(chosen)]
    return [
        Fault(
            number,
            hazard,
            at=(number + chance.random()) / count,
            lasts=chance.uniform(hazard.shortest, hazard.longest),
        )
        for number, hazard in enumerate(chosen)
    ]
