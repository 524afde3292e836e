"""Takes one safeguard out of the hub, in the process that calls `switch_off`. The hub itself has no such option.

Run before anything else of the hub is imported: what is replaced is replaced where it is defined.
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

WATERMARK, EFFECT_FIRST, OUTCOME_LAST, VERDICT, ACKNOWLEDGED, SUBJECT_ORDER = (
    "watermark",
    "effect-first",
    "outcome-last",
    "verdict",
    "acknowledged",
    "subject-order",
)
LUCK = "luck"
"""No safeguard: without it, the worker dies between what comes before an outcome and the outcome, once."""


def switch_off(name: str) -> None:
    _SWITCHES[name]()


def _without_watermark() -> None:
    """Stock Faust's rule: commit what was acked in a row, whatever before it still runs or failed."""
    from hub.processors.transport import SafeConsumer

    def new_offset(self: SafeConsumer, tp: Any) -> int | None:
        window = self._windows[tp]
        acked = [received.offset for received in window.records if received.acked]
        return acked[-1] + 1 if acked else window.watermark

    SafeConsumer._new_offset = new_offset  # type: ignore[method-assign]  # that is the point


def _without_effect_first() -> None:
    """An offset is committed when work on its record begins."""
    from hub.processors.partitions import Feed
    from hub.processors.window import Received

    begin = Feed.begin

    def kept(self: Received) -> None:  # what is acked too early is still to be worked on
        self.window.unread -= 1

    async def committing(self: Feed, records: list[Any]) -> bool:
        if not await begin(self, records):
            return False
        self.ack(records)
        return True

    Feed.begin = committing  # type: ignore[method-assign]  # that is the point
    Received.let_go = kept  # type: ignore[method-assign]


def _without_outcome_last() -> None:
    """The outcome is written before what it speaks of, a dead letter or a retry; the worker dies in between, once."""
    from hub.processors import appending

    append_all = appending.append_all
    postponed: list[tuple[str, int, Sequence[Any]]] = []

    async def outcome_first(writer: Any, topic: str, partition: int, records: Sequence[Any]) -> list[int]:
        if _is_before_outcome(topic):
            postponed.append((topic, partition, records))
            return []
        offsets = await append_all(writer, topic, partition, records)
        if ".outcomes." in topic and postponed:
            _die_once()
            for letter in postponed:
                await append_all(writer, *letter)
            postponed.clear()
        return offsets

    appending.append_all = outcome_first


def _without_luck() -> None:
    from hub.processors import appending

    append_all = appending.append_all

    async def dying(writer: Any, topic: str, partition: int, records: Sequence[Any]) -> list[int]:
        offsets = await append_all(writer, topic, partition, records)
        if _is_before_outcome(topic):
            _die_once()
        return offsets

    appending.append_all = dying


def _is_before_outcome(topic: str) -> bool:
    return topic.endswith(".dead-letters") or ".retries." in topic


def _die_once() -> None:
    try:
        Path(os.environ["HUB_HOME"], "died").touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _without_verdict() -> None:
    """Every record is delivered, whatever the outcomes say."""
    from hub.delivery import verdict

    def deliver(
        attempts_before: int, first_attempt: datetime | None, at: verdict.Position, known: verdict.Known | None
    ) -> verdict.Deliver:
        return verdict.Deliver(attempts_before + 1, first_attempt)

    verdict.judge = deliver


def _without_acknowledged() -> None:
    """202 is answered before Kafka has the event."""
    from hub.ingress.event_log import EventLog
    from schemas.event import Event

    async def append(self: EventLog, events: Sequence[Event]) -> None:
        for event in events:
            self._append(event).add_done_callback(lambda answer: answer.cancelled() or answer.exception())

    EventLog.append = append  # type: ignore[method-assign]  # that is the point


def _without_subject_order() -> None:
    """Deliveries of one subject overtake each other."""
    from hub.delivery.pending import Entry, Pending

    add = Pending.add
    numbers = count()

    def alone(self: Pending[Any], entry: Entry[Any]) -> bool:
        entry.subject = f"{entry.subject} {next(numbers)}"
        return add(self, entry)

    Pending.add = alone  # type: ignore[method-assign]  # that is the point


_SWITCHES: Mapping[str, Callable[[], None]] = {
    WATERMARK: _without_watermark,
    EFFECT_FIRST: _without_effect_first,
    OUTCOME_LAST: _without_outcome_last,
    VERDICT: _without_verdict,
    ACKNOWLEDGED: _without_acknowledged,
    SUBJECT_ORDER: _without_subject_order,
    LUCK: _without_luck,
}
