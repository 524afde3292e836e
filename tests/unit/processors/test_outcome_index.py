import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.delivery.verdict import TERMINAL, Known, Position
from hub.log.records import Record
from hub.processors.outcome_index import DEDUPE_WINDOW, OutcomeIndex, fingerprint
from schemas.identity import LIVE, DeliveryId, DeliveryKey, Run
from schemas.lane import Lane
from schemas.outcome import Outcome, OutcomeState

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def key(name: str, run: Run = LIVE) -> DeliveryKey:
    return DeliveryKey(DeliveryId(name), run)


def ended(name: str, at: datetime = NOON) -> Outcome:
    return outcome(name, OutcomeState.DELIVERED, 1, at)


def failed(name: str, attempt: int = 1, at: datetime = NOON) -> Outcome:
    return outcome(name, OutcomeState.FAILED, attempt, at)


def outcome(name: str, state: OutcomeState, attempt: int, at: datetime) -> Outcome:
    return Outcome(
        delivery=DeliveryId(name),
        run=LIVE,
        route="route",
        destination="out",
        state=state,
        attempt=attempt,
        offset=5,
        received=at,
        started=at,
        ended=at,
        moved=state is OutcomeState.FAILED,
        lane=Lane.LOW,
    )


def record(text: str) -> Record:
    return Record(None, text.encode(), [])


@pytest.fixture
def index(tmp_path: Path) -> OutcomeIndex:
    made = OutcomeIndex.open(tmp_path / "7")
    made.begin_at(0)
    return made


def save(index: OutcomeIndex, now: datetime = NOON) -> None:
    index.checkpoint(now)()


def test_an_end_is_known_and_nothing_else_is(index: OutcomeIndex) -> None:
    index.learn([ended("a")])
    assert index.lookup([key("a"), key("b"), key("a", Run("p1"))]) == [TERMINAL, None, None]


def test_attempts_are_known_until_the_end(index: OutcomeIndex) -> None:
    index.learn([failed("a", 1), failed("a", 2, NOON + timedelta(hours=1))])
    assert index.lookup([key("a")]) == [
        Known(terminal=False, attempt=2, at=Position(Lane.LOW, 5), moved=True, first_attempt=NOON)
    ]
    index.learn([ended("a")])
    assert index.lookup([key("a")]) == [TERMINAL]


def test_a_late_failure_does_not_undo_an_end(index: OutcomeIndex) -> None:
    index.learn([ended("a"), failed("a")])
    index.learn([failed("a")])
    assert index.lookup([key("a")]) == [TERMINAL]


def test_what_was_saved_is_there_after_a_restart(index: OutcomeIndex, tmp_path: Path) -> None:
    index.learn([ended("a"), failed("b", 3)])
    index.begin_at(17, b"w" * 16)
    save(index)
    index.close()
    again = OutcomeIndex.open(tmp_path / "7")
    assert (again.position, again.witness) == (17, b"w" * 16)
    assert again.lookup([key("a"), key("b")]) == [
        TERMINAL,
        Known(terminal=False, attempt=3, at=Position(Lane.LOW, 5), moved=True, first_attempt=NOON),
    ]


def test_the_position_moves_over_what_is_contiguous_only(index: OutcomeIndex) -> None:
    index.appended([0, 1], [record("0"), record("1")])
    index.appended([3], [record("3")])
    assert (index.position, index.witness) == (2, fingerprint(b"1"))
    index.appended([2], [record("2")])
    assert (index.position, index.witness) == (4, fingerprint(b"3"))
    index.appended([1], [record("1")])
    assert index.position == 4


def test_it_notices_that_somebody_else_writes_outcomes(index: OutcomeIndex) -> None:
    index.appended(list(range(5, 1100)), [record("x")] * 1095)
    assert index.behind
    index.begin_at(1100)
    assert not index.behind


def test_the_old_is_forgotten_and_the_young_is_not(index: OutcomeIndex, tmp_path: Path) -> None:
    index.learn([ended("old"), failed("old-failure")])
    young = NOON + DEDUPE_WINDOW - timedelta(hours=1)
    index.learn([ended("young", young)])
    save(index, NOON + DEDUPE_WINDOW + timedelta(hours=1))
    assert index.lookup([key("old"), key("young"), key("old-failure")]) == [None, TERMINAL, None]
    assert len(list(tmp_path.glob("7/*/*.ids"))) == 1


def test_it_grows(index: OutcomeIndex) -> None:
    names = [f"n{n}" for n in range(30_000)]
    for start in range(0, len(names), 1000):
        index.learn([ended(name) for name in names[start : start + 1000]])
    assert index.lookup([key(name) for name in names]) == [TERMINAL] * len(names)
    assert not any(index.lookup([key(f"other{n}") for n in range(1000)]))


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 1, "position": 3}', '{"format": 99, "position": 3}'])
def test_a_damaged_state_is_thrown_away(index: OutcomeIndex, tmp_path: Path, damage: str) -> None:
    index.learn([ended("a")])
    save(index)
    index.close()
    [state] = tmp_path.glob("7/*/state.json")
    state.write_text(damage)
    again = OutcomeIndex.open(tmp_path / "7")
    assert again.position is None
    assert again.lookup([key("a")]) == [None]


@pytest.mark.parametrize("truncate", [True, False])
def test_a_missing_table_throws_everything_away(index: OutcomeIndex, tmp_path: Path, truncate: bool) -> None:
    index.learn([ended("a")])
    save(index)
    index.close()
    [table] = tmp_path.glob("7/*/*.ids")
    if truncate:
        table.write_bytes(b"")
    else:
        table.unlink()
    assert OutcomeIndex.open(tmp_path / "7").position is None


def test_a_frozen_owner_neither_blocks_nor_disturbs_its_successor(index: OutcomeIndex, tmp_path: Path) -> None:
    index.learn([ended("before")])
    index.begin_at(10)
    save(index)
    index.learn([ended("unsaved")])  # in its files, not vouched for
    successor = OutcomeIndex.open(tmp_path / "7")
    assert successor.position == 10
    assert successor.lookup([key("before")]) == [TERMINAL]
    index.learn([ended("zombie")])
    index.begin_at(99)
    save(index)
    assert successor.lookup([key("zombie")]) == [None]
    successor.begin_at(20)
    save(successor)
    index.close()
    successor.close()
    third = OutcomeIndex.open(tmp_path / "7")
    assert third.position == 99, "both are complete up to their position: the later one is the better start"
    assert len(list((tmp_path / "7").iterdir())) == 1, "the other's files stay for ever"


def test_a_reset_index_knows_nothing(index: OutcomeIndex, tmp_path: Path) -> None:
    index.learn([ended("a")])
    save(index)
    index.reset()
    assert index.lookup([key("a")]) == [None]
    assert not list(tmp_path.glob("7/*/*.ids"))
    index.begin_at(3)
    index.learn([ended("b")])
    save(index)
    [state] = tmp_path.glob("7/*/state.json")
    assert json.loads(state.read_text())["position"] == 3
