"""Waits until every delivery of a replay has its end."""

from collections import Counter
from contextlib import suppress
from hashlib import blake2b

from hub.log.records import MalformedRecordError, decode_outcome
from hub.log.scanner import SKEW, LogScanner
from hub.log.topics import Topics
from hub.replay.progress import Replay
from schemas.outcome import OutcomeState


class Ends:
    """Blocking. It remembers 64 bits of the id of every delivery without an end: about 70 MB for a million.

    Raises what LogScanner raises.
    """

    def __init__(self, scanner: LogScanner, topics: Topics, replay: Replay) -> None:
        self._scanner = scanner
        self._run = replay.run
        self._pending: set[int] = set()
        self._destinations = {topics.outcomes(name): name for name in replay.destinations}
        self._positions: dict[str, dict[int, int]] = {topic: {} for topic in self._destinations}
        self._since = replay.began - SKEW
        self.counts: Counter[tuple[str, OutcomeState]] = Counter()

    def expect(self, delivery: str) -> None:
        """Wait for this one, too. To be called before `read`."""
        self._pending.add(_identify(delivery))

    @property
    def pending(self) -> int:
        """Deliveries that had no end when the outcomes were last read."""
        return len(self._pending)

    def read(self) -> None:
        """Take in the outcomes written since the last time. The first terminal one of a delivery counts."""
        for record in self._scanner.after(self._positions, self._since):
            self._positions[record.topic][record.partition] = record.offset + 1
            with suppress(MalformedRecordError):
                outcome = decode_outcome(record.value)
                if outcome.run == self._run and outcome.state.terminal:
                    self._end(self._destinations[record.topic], outcome.delivery, outcome.state)

    def _end(self, destination: str, delivery: str, state: OutcomeState) -> None:
        identity = _identify(delivery)
        if identity in self._pending:
            self._pending.remove(identity)
            self.counts[destination, state] += 1


def _identify(delivery: str) -> int:
    return int.from_bytes(blake2b(delivery.encode(), digest_size=8).digest())
