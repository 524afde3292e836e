"""What the hub relies on in the way Faust shares out partitions; it is pinned, and private."""

import pytest
from faust.assignor.client_assignment import CopartitionedAssignment
from faust.assignor.copartitioned_assignor import CopartitionedAssignor

TOPICS = {"hub.deliveries.out", "hub.deliveries.out.high"}


def shared_out(held: dict[str, set[int]], partitions: int) -> dict[str, set[int]]:
    before = {name: CopartitionedAssignment(actives=set(numbers), topics=TOPICS) for name, numbers in held.items()}
    after = CopartitionedAssignor(TOPICS, before, partitions, replicas=0).get_assignment()
    return {name: set(one.actives) for name, one in after.items()}


@pytest.mark.parametrize("members", range(1, 9))
def test_no_worker_is_idle_while_another_has_two_partitions(members: int) -> None:
    """With eight partitions and six workers, ``ceil(8 / 6)`` each would leave two idle. Members come one by one."""
    held: dict[str, set[int]] = {}
    for number in range(members):
        held = shared_out({**held, f"worker-{number}": set()}, partitions=8)
    counts = sorted(len(numbers) for numbers in held.values())
    assert sorted(partition for numbers in held.values() for partition in numbers) == list(range(8))
    assert counts[-1] - counts[0] <= 1, held


def test_what_a_dead_worker_had_is_shared_and_the_others_keep_theirs() -> None:
    held = shared_out({"a": {0, 1}, "b": {2, 3}}, partitions=6)
    assert held["a"] == {0, 1} | (held["a"] & {4, 5})
    assert held["b"] == {2, 3} | (held["b"] & {4, 5})
    assert {len(held["a"]), len(held["b"])} == {3}
