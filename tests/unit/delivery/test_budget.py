"""Which collection is written when too much is held."""

from hub.delivery.budget import Budget


def test_with_room_nothing_is_due() -> None:
    budget = Budget(100)
    budget.hold("a", 60, list)
    budget.hold("b", 39, list)
    assert not budget.is_due("a")
    assert not budget.is_due("b")


def test_without_room_the_largest_is_due_and_woken() -> None:
    budget = Budget(100)
    woken: list[str] = []
    budget.hold("a", 60, lambda: woken.append("a"))
    budget.hold("b", 40, lambda: woken.append("b"))
    assert woken == ["a"]
    assert budget.is_due("a")
    assert not budget.is_due("b")


def test_what_is_being_written_makes_room_soon_and_nothing_more_is_due() -> None:
    budget = Budget(100)
    budget.hold("a", 60, list)
    budget.drop("a")
    budget.begin(60)
    budget.hold("b", 50, list)
    assert not budget.is_due("b")
    budget.end(60)
    budget.begin(20)
    budget.hold("b", 80, list)
    assert budget.is_due("b")


def test_what_was_dropped_counts_no_more() -> None:
    budget = Budget(100)
    budget.hold("a", 90, list)
    budget.hold("b", 20, list)
    budget.drop("a")
    assert not budget.is_due("b")
    budget.drop("never there")
