"""Folds the ledger into rows. Pure: what a partition of a topic says, in its order, decides its rows and no others.

Every row belongs to one partition of one topic, so the order in which partitions and topics are read changes nothing:
the projection can be dropped and made again from the log, or go on from where it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from hub.delivery.runs import run_number
from hub.ledger.digest import digest
from hub.ledger.rows import BESIDE, LARGEST, CountRow, DecisionRow, DeliveryRow, microseconds
from schemas.decision import Decision
from schemas.outcome import Outcome, OutcomeState

DeliveryRowKey = tuple[bytes, str]
"""Digest of the delivery's id, and the run."""

_MINUTE = 60_000_000
_TERMINAL = frozenset(state.value for state in OutcomeState if state.terminal)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written: rows as they are now, and counts to be added to those that are there."""

    decisions: dict[tuple[int, int], DecisionRow] = field(default_factory=dict)
    deliveries: dict[DeliveryRowKey, DeliveryRow] = field(default_factory=dict)
    counts: dict[tuple[str, int, int, str], int] = field(default_factory=dict)

    def count_rows(self) -> list[CountRow]:
        """Sorted, so that two writers lock them in the same order."""
        return [CountRow(*key, count) for key, count in sorted(self.counts.items())]


def fold_decisions(changes: Changes, partition: int, decisions: Iterable[Decision]) -> None:
    """The last decision for an offset counts; ``times`` of a new row is what to add to that of the row before it."""
    for decision in decisions:
        key = (partition, decision.offset)
        before = changes.decisions.get(key)
        changes.decisions[key] = DecisionRow(
            partition,
            decision.offset,
            event_digest(decision.source, decision.id),
            storable(decision.source),
            storable(decision.id),
            storable(decision.digest),
            storable(decision.revision),
            microseconds(decision.decided),
            orjson.dumps([(one.route, one.destination, one.lane) for one in decision.deliveries]).decode(),
            before.times + 1 if before else 1,
        )


def fold_outcomes(
    changes: Changes, partition: int, outcomes: Iterable[Outcome], stored: Mapping[DeliveryRowKey, DeliveryRow]
) -> None:
    """``stored`` are the rows as they are, of all keys of these outcomes that have one."""
    rows, counts = changes.deliveries, changes.counts
    for outcome in outcomes:
        key = delivery_key(outcome)
        rows[key] = after(rows.get(key) or stored.get(key), outcome, key[0], partition)
        minute = microseconds(outcome.ended) // _MINUTE * _MINUTE
        counted = (_short(outcome.destination), partition, minute, outcome.state.value)
        counts[counted] = counts.get(counted, 0) + 1


def after(before: DeliveryRow | None, outcome: Outcome, key: bytes, partition: int) -> DeliveryRow:
    """The row of a delivery's run after one more outcome. The first terminal one counts, whatever follows."""
    ended = before is not None and before.state in _TERMINAL
    if before is not None and ended:
        return before._replace(superseded=before.superseded + 1) if outcome.state.terminal else before
    started, number = microseconds(outcome.started), run_number(outcome.run)
    return DeliveryRow(
        key,
        _short(outcome.run),
        storable(outcome.delivery),
        BESIDE if number is None else min(number, LARGEST),
        partition,
        storable(outcome.route),
        storable(outcome.destination),
        outcome.lane.value,
        outcome.state.value,
        max(before.attempts, outcome.attempt) if before else outcome.attempt,
        microseconds(outcome.received),
        before.first if before else started,
        microseconds(outcome.ended),
        None if outcome.error is None else storable(outcome.error),
        0,
    )


def delivery_key(outcome: Outcome) -> DeliveryRowKey:
    return digest(outcome.delivery), _short(outcome.run)


def event_digest(source: str, identity: str) -> bytes:
    return digest(source, identity)


def storable(text: str) -> str:
    """PostgreSQL has no NUL in text, and a record that could never be stored would stop the projection for good."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text


def _short(name: str) -> str:
    """Part of a key, which PostgreSQL limits to 2,700 bytes; the hub's own names are far shorter."""
    return storable(name[:200])
