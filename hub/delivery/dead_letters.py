"""Which dead letters wait for somebody to decide: judged by how the runs of their deliveries ended."""

from dataclasses import dataclass, field
from enum import StrEnum

from hub.delivery.runs import redrive_run, run_number
from schemas.identity import Run
from schemas.outcome import OutcomeState


class LetterState(StrEnum):
    """What became of a delivery after its letter was written."""

    WAITING = "waiting"  # it is dead, and nobody redrove or discarded it since
    REDRIVEN = "redriven"  # it is on its way again
    DISCARDED = "discarded"  # by a person, or because it was stale when it was redriven
    DELIVERED = "delivered"  # by a later attempt or a redrive
    DIED_AGAIN = "died again"  # a redrive died, too, and has a letter of its own
    UNCONFIRMED = "unconfirmed"  # it has no outcome: its worker died in between, and another tries again
    REPLAY = "replay"  # of a replay, which is repeated by another replay
    UNREADABLE = "unreadable"  # nobody knows what it was


@dataclass(slots=True)
class RunHistory:
    """How the live run of one delivery and its redrives ended, and which are under way. Replays do not count."""

    _ended: dict[int, OutcomeState] = field(default_factory=dict)
    _begun: int = 0

    def learn(self, run: Run, state: OutcomeState) -> None:
        """Take in an outcome, in the order of the log: the first terminal one of a run counts."""
        number = run_number(run)
        if number is None:
            return
        if state.terminal:
            self._ended.setdefault(number, state)
        else:
            self._begun = max(self._begun, number)

    def begin(self, run: Run) -> None:
        """A record of this run waits to be delivered."""
        self._begun = max(self._begun, run_number(run) or 0)

    @property
    def next_run(self) -> Run:
        """The run of a redrive now. The same until that has its end, so that redriving twice is one redrive."""
        return redrive_run(max(self._ended, default=0) + 1)

    def state_of(self, run: Run) -> LetterState:
        """What became of the letter that this run left behind."""
        number = run_number(run)
        if number is None:
            return LetterState.REPLAY
        last = max(self._ended, default=-1)
        if number > last:
            return LetterState.UNCONFIRMED
        if any(later > number and state is OutcomeState.DEAD for later, state in self._ended.items()):
            return LetterState.DIED_AGAIN
        if self._begun > last:
            return LetterState.REDRIVEN
        return _STATES[self._ended[last]]


_STATES = {
    OutcomeState.DEAD: LetterState.WAITING,
    OutcomeState.DELIVERED: LetterState.DELIVERED,
    OutcomeState.DISCARDED: LetterState.DISCARDED,
}
