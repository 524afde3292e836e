"""The projection's store: what it refuses, forgets, and notices."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hub.ledger.database import StoreUrlError, engine_for
from hub.ledger.queries import Overview, overview
from hub.ledger.store import Store, StoreAwayError
from hub.ledger.tables import Tables
from schemas.outcome import OutcomeState
from tests.fixtures.ledger import NOON, decision, dump, outcome, stretch

DELIVERED, DEAD, DISCARDED, FAILED = OutcomeState
DECISIONS, OUTCOMES = "hub.decisions", "hub.outcomes.out"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store("sqlite:///status.db", tmp_path, "hub")
    store.open({DECISIONS: "one", OUTCOMES: "two"})
    yield store
    store.dispose()


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("nonsense", "no database URL"),
        ("postgresql://h:port/db", "no database URL"),
        ("mysql://h/db", "no driver for 'mysql'; there are: postgres, postgresql, postgresql\\+psycopg, sqlite"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
    ],
)
def test_a_url_that_cannot_be_used_says_why(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(StoreUrlError, match=problem):
        engine_for(url, tmp_path)


def test_two_hubs_in_one_database_share_nothing(tmp_path: Path) -> None:
    first, second = (Store("sqlite:///status.db", tmp_path, name) for name in ("hub", "other"))
    for store in (first, second):
        store.open({})
    first.apply([stretch(OUTCOMES, 0, 0, [outcome("a", DELIVERED)])])
    assert dump(second) == {"decisions": [], "deliveries": [], "counts": [], "positions": []}
    for store in (first, second):
        store.dispose()


def test_long_names_stay_apart_and_short_enough_for_postgresql() -> None:
    names = [table.name for hub in ("a" * 62 + "b", "a" * 63) for table in Tables(hub).metadata.tables.values()]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) < 55


def test_a_hole_is_not_jumped_over(store: Store) -> None:
    applied = store.apply([stretch(OUTCOMES, 0, 5, [outcome("a", DELIVERED)])])
    assert applied.positions == [0]
    assert dump(store)["deliveries"] == []


def test_a_topic_that_was_made_anew_empties_the_projection(store: Store) -> None:
    store.apply([stretch(OUTCOMES, 0, 0, [outcome("a", DELIVERED)])])
    assert not store.open({DECISIONS: "one", OUTCOMES: "two", "hub.outcomes.new": "three"})
    assert dump(store)["deliveries"]
    assert store.open({OUTCOMES: "another"})
    assert dump(store) == {"decisions": [], "deliveries": [], "counts": [], "positions": []}
    assert store.open({OUTCOMES: "another"})
    assert not store.apply([stretch(OUTCOMES, 0, 0, [outcome("a", DELIVERED)])]).conflicts
    assert not store.open({OUTCOMES: "another"})


def test_tables_of_another_format_are_made_anew(store: Store, tmp_path: Path) -> None:
    store.apply([stretch(OUTCOMES, 0, 0, [outcome("a", DELIVERED)])])
    with sqlite3.connect(tmp_path / "status.db") as connection:
        connection.execute("UPDATE hub_ledger SET format = 999")
    connection.close()
    assert store.open({})
    assert dump(store)["deliveries"] == []


def test_an_id_that_is_used_again_for_something_else_is_noticed_once(store: Store) -> None:
    first = [decision("a", 0, "out"), decision("b", 1, "out", digest="e" * 64)]
    assert store.apply([stretch(DECISIONS, 0, 0, first)]).conflicts == []
    again = [decision("a", 2, "out"), decision("a", 3, "out", digest="f" * 64)]
    [conflict] = store.apply([stretch(DECISIONS, 0, 2, again)]).conflicts
    assert (conflict.source, conflict.id, conflict.digest, conflict.earlier) == ("shop", "a", "f" * 64, "d" * 64)
    decided_again = [decision("a", 3, "out", digest="f" * 64)]
    assert store.apply([stretch(DECISIONS, 0, 4, decided_again)]).conflicts == []
    either_again = [decision("a", 4, "out"), decision("a", 5, "out", digest="f" * 64)]
    assert store.apply([stretch(DECISIONS, 0, 5, either_again)]).conflicts == []


def test_an_id_that_is_used_twice_at_once_is_noticed(store: Store) -> None:
    both = [decision("a", 0, "out"), decision("a", 1, "out", digest="f" * 64)]
    assert len(store.apply([stretch(DECISIONS, 0, 0, both)]).conflicts) == 1


def test_what_the_log_no_longer_keeps_goes(store: Store) -> None:
    store.apply(
        [
            stretch(DECISIONS, 0, 0, [decision("a", 0, "out"), decision("b", 1, "out", seconds=90)]),
            stretch(OUTCOMES, 0, 0, [outcome("a", DELIVERED), outcome("b", DELIVERED, seconds=90)]),
        ]
    )
    assert store.expire(NOON + timedelta(seconds=60)) == 3
    left = dump(store)
    assert [len(left[name]) for name in ("decisions", "deliveries", "counts", "positions")] == [1, 1, 1, 2]


def test_a_database_that_is_away_is_reported_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "status.db").mkdir()
    store = Store("sqlite:///status.db", tmp_path, "hub")
    with pytest.raises(StoreAwayError, match="unable to open database file"):
        store.open({})
    store.dispose()


def test_without_a_projection_there_is_no_overview(tmp_path: Path) -> None:
    store = Store("sqlite:///status.db", tmp_path, "hub")
    assert overview(store, NOON) is None
    assert not (tmp_path / "status.db").exists(), "who only asks makes nothing"
    store.dispose()


def test_the_overview_counts_the_last_minute_and_the_dead_that_nobody_has_dealt_with(store: Store) -> None:
    outcomes = [
        *(outcome(f"before-{n}", DELIVERED, seconds=-30) for n in range(8)),
        *(outcome(f"now-{n}", DELIVERED, seconds=5) for n in range(3)),
        outcome("long-ago", DELIVERED, seconds=-90),
        outcome("waits", DEAD, seconds=-500),
        outcome("redriven", DEAD, seconds=-500),
        outcome("redriven", DELIVERED, run="r1", seconds=-400),
        outcome("discarded", DEAD, seconds=-500),
        outcome("discarded", DISCARDED, run="r1", attempt=0, seconds=-400),
        outcome("dead-again", DEAD, seconds=-500),
        outcome("dead-again", DEAD, run="r1", seconds=-400),
        outcome("being-redriven", DEAD, seconds=-500),
        outcome("being-redriven", FAILED, run="r1", seconds=-400),
        outcome("replayed", DEAD, seconds=-500),
        outcome("replayed", DELIVERED, run="p1", seconds=-400),
        outcome("replay-died", DELIVERED, seconds=-500),
        outcome("replay-died", DEAD, run="p1", seconds=-400),
        outcome("replay-alone", DEAD, run="p1", seconds=-400),
    ]
    store.apply([stretch(OUTCOMES, 0, 0, outcomes)])
    found = overview(store, NOON + timedelta(seconds=15))
    assert found == Overview({(OUTCOMES, 0): len(outcomes)}, {"out": 3 + 8 * 0.75}, {"out": 3})


def test_a_database_that_nobody_has_filled_has_no_overview(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "status.db").close()
    store = Store("sqlite:///status.db", tmp_path, "hub")
    assert overview(store, NOON) is None
    store.dispose()
