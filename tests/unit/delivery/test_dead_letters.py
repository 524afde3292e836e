"""What became of a dead letter's delivery, by the outcomes of its runs."""

import pytest

from hub.delivery.dead_letters import LetterState, RunHistory
from hub.delivery.runs import redrive_run, replay_run, run_number
from schemas.identity import LIVE, Run
from schemas.outcome import OutcomeState

DEAD, DELIVERED, DISCARDED, FAILED = (
    OutcomeState.DEAD,
    OutcomeState.DELIVERED,
    OutcomeState.DISCARDED,
    OutcomeState.FAILED,
)
R1, R2, R3 = Run("r1"), Run("r2"), Run("r3")
Ends = list[tuple[Run, OutcomeState]]


def history(*ends: tuple[Run, OutcomeState]) -> RunHistory:
    found = RunHistory()
    for end in ends:
        found.learn(*end)
    return found


def test_runs_are_numbered_and_replays_are_not() -> None:
    assert [run_number(run) for run in (LIVE, R1, Run("r12"))] == [0, 1, 12]
    assert [run_number(run) for run in (replay_run("0123456789ab"), Run("r0"), Run("r1x"))] == [None, None, None]
    assert redrive_run(3) == R3


@pytest.mark.parametrize(
    ("ends", "run", "state", "next_run"),
    [
        ([], LIVE, LetterState.UNCONFIRMED, R1),
        ([(LIVE, FAILED)], LIVE, LetterState.UNCONFIRMED, R1),
        ([(LIVE, DEAD)], LIVE, LetterState.WAITING, R1),
        ([(LIVE, DELIVERED)], LIVE, LetterState.DELIVERED, R1),  # by the worker that took over from the one that died
        ([(LIVE, DISCARDED)], LIVE, LetterState.DISCARDED, R1),
        ([(LIVE, DEAD), (R1, FAILED)], LIVE, LetterState.REDRIVEN, R1),
        ([(LIVE, DEAD), (R1, DELIVERED)], LIVE, LetterState.DELIVERED, R2),
        ([(LIVE, DEAD), (R1, DISCARDED)], LIVE, LetterState.DISCARDED, R2),
        ([(LIVE, DEAD), (R1, DISCARDED), (R2, FAILED)], LIVE, LetterState.REDRIVEN, R2),
        ([(LIVE, DEAD), (R1, DEAD)], LIVE, LetterState.DIED_AGAIN, R2),
        ([(LIVE, DEAD), (R1, DEAD)], R1, LetterState.WAITING, R2),
        ([(LIVE, DEAD), (R1, DEAD), (R2, DELIVERED)], LIVE, LetterState.DIED_AGAIN, R3),
        ([(LIVE, DEAD), (R1, DEAD), (R2, DELIVERED)], R1, LetterState.DELIVERED, R3),
        ([(LIVE, DEAD)], R1, LetterState.UNCONFIRMED, R1),  # its letter is there, its outcome not yet
        ([(LIVE, DELIVERED), (replay_run("a"), DEAD)], replay_run("a"), LetterState.REPLAY, R1),
        ([(LIVE, DEAD), (replay_run("a"), DELIVERED)], LIVE, LetterState.WAITING, R1),  # replays do not count
    ],
)
def test_the_last_run_decides(ends: Ends, run: Run, state: LetterState, next_run: Run) -> None:
    found = history(*ends)
    assert (found.state_of(run), found.next_run) == (state, next_run)


def test_the_first_end_of_a_run_counts() -> None:
    superseded = history((LIVE, DEAD), (R1, DELIVERED), (R1, DEAD))
    assert superseded.state_of(LIVE) is LetterState.DELIVERED
    assert superseded.next_run == R2


def test_a_redrive_in_a_lane_is_on_its_way_until_it_has_its_end() -> None:
    found = history((LIVE, DEAD))
    found.begin(R1)
    assert found.state_of(LIVE) is LetterState.REDRIVEN
    found.learn(R1, DEAD)
    assert found.state_of(R1) is LetterState.WAITING


def test_a_replay_in_a_lane_is_no_redrive() -> None:
    found = history((LIVE, DEAD))
    found.begin(replay_run("a"))
    assert found.state_of(LIVE) is LetterState.WAITING
