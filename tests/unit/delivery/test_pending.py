from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hub.delivery.pending import Entry, Pending
from schemas.identity import LIVE, DeliveryId, DeliveryKey
from schemas.lane import Lane

MANY = 1000


def entry(
    offset: int,
    subject: str = "a",
    key: str | None = None,
    size: int = 1,
    lane: Lane = Lane.NORMAL,
    *,
    alone: bool = False,
) -> Entry[str]:
    name = key or f"key-{offset}"
    return Entry(DeliveryKey(DeliveryId(name), LIVE), subject, offset, size, name, lane, alone=alone)


def pending(*entries: Entry[str]) -> Pending[str]:
    made: Pending[str] = Pending()
    for each in entries:
        made.add(each)
    return made


def offsets(entries: list[Entry[str]]) -> list[int]:
    return [each.offset for each in entries]


def test_a_batch_takes_a_subject_in_order() -> None:
    waiting = pending(entry(1), entry(2, "b"), entry(3), entry(4))
    assert offsets(waiting.take(0, MANY, MANY, per_subject=MANY)) == [1, 3, 4, 2]


def test_one_at_a_time_of_each_subject() -> None:
    waiting = pending(entry(1), entry(2), entry(3, "b"))
    first, other = waiting.take(0, MANY, MANY, per_subject=1)
    assert (first.offset, other.offset) == (1, 3)
    assert waiting.take(0, MANY, MANY, per_subject=1) == []
    waiting.finish(first)
    assert offsets(waiting.take(0, MANY, MANY, per_subject=1)) == [2]


def test_a_postponed_delivery_holds_up_its_subject_alone() -> None:
    first = entry(1)
    waiting = pending(first, entry(2), entry(3, "b"))
    assert waiting.take(0, 1, MANY, per_subject=1) == [first]
    waiting.postpone(first, due=10)
    assert waiting.next_due() == 10
    assert offsets(waiting.take(5, MANY, MANY, per_subject=MANY)) == [3]
    assert offsets(waiting.take(10, MANY, MANY, per_subject=MANY)) == [1, 2]
    assert waiting.next_due() is None


def test_what_succeeded_around_a_failure_is_done() -> None:
    one, two, three = entry(1), entry(2), entry(3)
    waiting = pending(one, two, three)
    waiting.take(0, MANY, MANY, per_subject=MANY)
    waiting.finish(one)
    waiting.postpone(two, due=10)
    assert waiting.take(0, MANY, MANY, per_subject=MANY) == []
    waiting.finish(three)
    assert offsets(waiting.take(10, MANY, MANY, per_subject=MANY)) == [2]


def test_a_copy_gets_the_end_of_the_first() -> None:
    first, copy = entry(1, key="same"), entry(2, key="same")
    waiting = pending(first)
    assert waiting.add(copy) is False
    assert waiting.take(0, MANY, MANY, per_subject=MANY) == [first]
    assert waiting.finish(first) == [copy]
    assert len(waiting) == 0
    assert waiting.add(entry(3, key="same")) is True


def test_what_was_refused_most_comes_last() -> None:
    first, second = entry(1, "a"), entry(2, "b")
    waiting = pending(first, second)
    waiting.take(0, 1, MANY, per_subject=1)
    waiting.postpone(first, due=5)
    assert waiting.take(5, 1, MANY, per_subject=1) == [second]
    waiting.postpone(second, due=6)
    assert offsets(waiting.take(6, MANY, MANY, per_subject=1)) == [1, 2]


def test_a_batch_keeps_to_its_bytes_but_takes_at_least_one() -> None:
    waiting = pending(entry(1, size=50), entry(2, size=5), entry(3, "b", size=5), entry(4, "b", size=6))
    taken = waiting.take(0, MANY, 10, per_subject=MANY)
    assert offsets(taken) == [1]
    rest = waiting.take(0, MANY, 10, per_subject=MANY)
    assert offsets(rest) == [3]


def test_a_batch_keeps_to_its_number() -> None:
    waiting = pending(entry(1), entry(2), entry(3, "b"))
    assert offsets(waiting.take(0, 2, MANY, per_subject=MANY)) == [1, 2]
    assert offsets(waiting.take(0, 2, MANY, per_subject=MANY)) == [3]


def test_what_is_urgent_overtakes_a_backlog() -> None:
    waiting = pending(*(entry(n, f"s{n}") for n in range(100)), entry(7, "urgent", key="u", lane=Lane.HIGH))
    assert [each.lane for each in waiting.take(0, 2, MANY, per_subject=1)] == [Lane.HIGH, Lane.NORMAL]


def test_a_batch_is_shared_by_the_lanes_and_none_is_starved() -> None:
    waiting = pending(*(entry(n, f"s{n}", key=f"{lane}-{n}", lane=lane) for lane in Lane for n in range(200)))
    taken = Counter(each.lane for each in waiting.take(0, 54, MANY, per_subject=1))
    assert taken == {Lane.HIGH: 32, Lane.NORMAL: 16, Lane.LOW: 4, Lane.REPLAY: 2}
    assert waiting.count() == dict.fromkeys(Lane, 200)


def test_a_subject_in_two_lanes_is_two() -> None:
    waiting = pending(entry(1), entry(1, key="other", lane=Lane.LOW))
    assert {each.lane for each in waiting.take(0, MANY, MANY, per_subject=1)} == {Lane.NORMAL, Lane.LOW}


def test_a_key_in_two_lanes_is_handed_out_once() -> None:
    waiting = pending(entry(1, key="same"))
    assert waiting.add(entry(5, key="same", lane=Lane.HIGH)) is False


def test_what_must_go_alone_takes_nobody_with_it() -> None:
    waiting = pending(entry(1), entry(2, alone=True), entry(3), entry(4, "b", alone=True), entry(5, "c"))
    assert offsets(waiting.take(0, MANY, MANY, per_subject=MANY)) == [1]
    assert offsets(waiting.take(0, MANY, MANY, per_subject=MANY)) == [4]
    assert offsets(waiting.take(0, MANY, MANY, per_subject=MANY)) == [5]


def test_what_was_not_tried_keeps_its_place() -> None:
    first, second = entry(1), entry(2, "b")
    waiting = pending(first, second)
    waiting.take(0, MANY, MANY, per_subject=1)
    waiting.put_back(second)
    waiting.put_back(first)
    assert waiting.take(0, MANY, MANY, per_subject=1) == [first, second]
    assert first.setbacks == 0


def test_it_says_whether_anything_can_be_tried() -> None:
    first = entry(1)
    waiting = pending(first)
    assert waiting.is_ready(0)
    waiting.take(0, 1, MANY, per_subject=1)
    assert not waiting.is_ready(0)
    waiting.postpone(first, due=5)
    assert (waiting.is_ready(4), waiting.is_ready(5)) == (False, True)
    assert list(waiting.waiting()) == [first]


@given(st.data())
def test_every_delivery_ends_once_and_in_the_order_of_its_subject(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 30))
    waiting: Pending[str] = Pending()
    subjects = [data.draw(st.sampled_from("abc")) for _ in range(count)]
    for offset, subject in enumerate(subjects):
        waiting.add(entry(offset, subject))
    per_subject = data.draw(st.sampled_from([1, MANY]))
    finished: list[Entry[str]] = []
    now = 0.0
    while waiting:
        now += 1
        taken = waiting.take(now, data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5)), per_subject=per_subject)
        assert taken or waiting.next_due() is not None
        for each in taken:
            if each.setbacks < 2 and data.draw(st.booleans()):
                waiting.postpone(each, now + data.draw(st.integers(1, 3)))
            else:
                waiting.finish(each)
                finished.append(each)
    assert sorted(offsets(finished)) == list(range(count))
    if per_subject == 1:
        for subject in "abc":
            order = [each.offset for each in finished if each.subject == subject]
            assert order == sorted(order)
