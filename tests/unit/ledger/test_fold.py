"""What outcomes and decisions make of a row; and that no order in which topics are read makes another projection."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.ledger.entries import Entry, decode_stretch
from hub.ledger.fold import Changes, after, fold_decisions, fold_outcomes
from hub.ledger.rows import BESIDE, LARGEST, DeliveryRow, microseconds
from hub.ledger.store import Store
from hub.log.records import encode_decision, encode_outcome
from hub.log.topics import Topics
from schemas.outcome import Outcome, OutcomeState
from tests.fixtures.ledger import NOON, decision, dump, outcome, stretch

DELIVERED, DEAD, DISCARDED, FAILED = OutcomeState


def row(*outcomes: Outcome) -> DeliveryRow:
    found = None
    for each in outcomes:
        found = after(found, each, b"k" * 16, 3)
    assert found is not None
    return found


def test_a_row_tells_of_the_first_and_the_last_attempt() -> None:
    found = row(
        outcome("e", FAILED, seconds=1, error="Down: first"),
        outcome("e", FAILED, attempt=2, seconds=5, error="Down: second"),
        outcome("e", DELIVERED, attempt=3, seconds=9),
    )
    assert (found.state, found.attempts, found.error, found.superseded) == ("delivered", 3, None, 0)
    assert found.first == microseconds(NOON) + 500_000
    assert found.last == microseconds(NOON) + 9_000_000
    assert (found.key, found.partition, found.ordinal) == (b"k" * 16, 3, 0)


def test_a_failed_attempt_is_shown_with_its_error_until_another_follows() -> None:
    found = row(outcome("e", FAILED, error="Down: first"))
    assert (found.state, found.error) == ("failed", "Down: first")


def test_the_first_terminal_outcome_counts_and_later_ones_are_superseded() -> None:
    first = row(outcome("e", DELIVERED, seconds=1))
    found = row(
        outcome("e", DELIVERED, seconds=1),
        outcome("e", DEAD, attempt=2, seconds=2),
        outcome("e", FAILED, attempt=3, seconds=3),
        outcome("e", DELIVERED, seconds=4),
    )
    assert found == first._replace(superseded=2)


def test_an_attempt_that_was_made_out_of_turn_does_not_lower_the_count() -> None:
    assert row(outcome("e", FAILED, attempt=4), outcome("e", FAILED, attempt=2)).attempts == 4


@pytest.mark.parametrize(
    ("run", "ordinal"), [("", 0), ("r1", 1), ("r12", 12), ("p0a1b", BESIDE), ("r99999999999", LARGEST)]
)
def test_runs_have_their_place(run: str, ordinal: int) -> None:
    assert row(outcome("e", DEAD, run=run)).ordinal == ordinal


def test_each_run_has_a_row_of_its_own() -> None:
    changes = Changes()
    runs = [outcome("e", DEAD), outcome("e", DELIVERED, run="r1"), outcome("e", DELIVERED, run="p1")]
    fold_outcomes(changes, 0, runs, {})
    assert sorted((each.run, each.state) for each in changes.deliveries.values()) == [
        ("", "dead"),
        ("p1", "delivered"),
        ("r1", "delivered"),
    ]


def test_outcomes_are_counted_by_the_minute_in_which_they_ended() -> None:
    changes = Changes()
    outcomes = [outcome("e", FAILED), outcome("e", DELIVERED, seconds=59), outcome("f", DELIVERED, seconds=60)]
    fold_outcomes(changes, 2, outcomes, {})
    minute = microseconds(NOON)
    assert [tuple(each) for each in changes.count_rows()] == [
        ("out", 2, minute, "delivered", 1),
        ("out", 2, minute, "failed", 1),
        ("out", 2, minute + 60_000_000, "delivered", 1),
    ]


def test_the_last_decision_for_an_offset_counts() -> None:
    changes = Changes()
    fold_decisions(changes, 1, [decision("e", 7, "out"), decision("e", 7, "two", revision="def")])
    [found] = changes.decisions.values()
    assert (found.revision, found.routes, found.times) == ("def", '[["all","two","normal"]]', 2)


def test_text_that_a_database_refuses_is_stored_all_the_same() -> None:
    found = row(outcome("e", FAILED, error="Bad: a\0b"))
    assert found.error == "Bad: a�b"


# -- any order


def test_names_are_cut_to_what_a_key_can_hold() -> None:
    changes = Changes()
    long = replace(outcome("e", FAILED, run="r" * 5000), destination="d" * 5000)
    fold_outcomes(changes, 0, [long, long], {})
    [found] = changes.deliveries.values()
    assert (len(found.run), len(changes.count_rows()[0].destination)) == (200, 200)


def test_entries_that_no_database_holds_are_skipped() -> None:
    topics = Topics("hub")
    entries = [
        encode_outcome(outcome("a", FAILED, attempt=2**40)),
        encode_decision(decision("b", 2**63), b"k"),
        encode_outcome(outcome("c", DELIVERED)),
        encode_decision(decision("d", 4), b"k"),
    ]
    records = [SimpleNamespace(offset=offset, value=record.value) for offset, record in enumerate(entries)]
    outcomes = decode_stretch(topics, topics.outcomes("out"), 0, 0, 4, records[::2])
    decided = decode_stretch(topics, topics.decisions, 0, 0, 4, records[1::2])
    assert [offset for offset, _ in outcomes.entries] == [2]
    assert [offset for offset, _ in decided.entries] == [3]


EVENTS = st.sampled_from(["a", "b", "c"])  # few, so that runs and copies meet


def decisions(partition: int) -> st.SearchStrategy[list[Entry]]:
    one = st.builds(
        lambda event, offset, to, digest, revision: decision(
            f"{event}{partition}", offset, *to, digest=digest * 64, revision=revision
        ),
        EVENTS,
        st.integers(0, 4),
        st.lists(st.sampled_from(["out", "two"]), unique=True),
        st.sampled_from("de"),
        st.sampled_from(["abc", "def"]),
    )
    return st.lists(one, max_size=8)


def outcomes(partition: int, destination: str) -> st.SearchStrategy[list[Entry]]:
    one = st.builds(
        lambda event, state, run, attempt, seconds: outcome(
            f"{event}{partition}", state, destination, run=run, attempt=attempt, seconds=seconds
        ),
        EVENTS,
        st.sampled_from(list(OutcomeState)),
        st.sampled_from(["", "r1", "p1"]),
        st.integers(0, 3),
        st.integers(0, 200),
    )
    return st.lists(one, max_size=8)


LOGS = st.fixed_dictionaries(
    {("hub.decisions", partition): decisions(partition) for partition in (0, 1)}
    | {
        (f"hub.outcomes.{name}", partition): outcomes(partition, name)
        for name in ("out", "two")
        for partition in (0, 1)
    }
)
"""(topic, partition) → what stands there."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store("sqlite:///status.db", tmp_path_factory.mktemp("ledger"), "hub")
    store.open({})
    yield store
    store.dispose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(log=LOGS, data=st.data())
def test_any_order_and_any_restart_give_the_same_rows(
    store: Store, log: dict[tuple[str, int], list[Entry]], data: st.DataObject
) -> None:
    """Batches of any size, of any partition, read again from anywhere before, or with a hole before them."""
    filled = {where: entries for where, entries in log.items() if entries}
    store.clear()
    store.apply([stretch(topic, partition, 0, entries) for (topic, partition), entries in filled.items()])
    expected = dump(store)

    store.clear()
    positions = dict.fromkeys(filled, 0)
    while left := sorted(where for where, entries in filled.items() if positions[where] < len(entries)):
        several = data.draw(st.lists(st.sampled_from(left), min_size=1, max_size=3, unique=True))
        stretches = []
        for topic, partition in several:
            entries = filled[topic, partition]
            begin = data.draw(st.integers(0, len(entries) - 1))
            end = data.draw(st.integers(begin + 1, len(entries)))
            stretches.append(stretch(topic, partition, begin, entries[begin:end]))
        applied = store.apply(stretches)
        for where, each, position in zip(several, stretches, applied.positions, strict=True):
            begin = positions[where]
            assert position == (max(begin, each.end) if each.begin <= begin else begin)
            positions[where] = position
    assert dump(store) == expected


def test_the_folder_of_the_store_is_made(tmp_path: Path) -> None:
    store = Store("sqlite:///status.db", tmp_path / "not" / "there", "hub")
    assert store.open({})
    store.dispose()
