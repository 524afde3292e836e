from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from hub.processors.consumer_thread import SafeConsumerThread

ONE = TP("work", 0)


def thread(state: Any) -> SafeConsumerThread:
    """Of a consumer whose partition is in this state; not started."""
    made = SafeConsumerThread.__new__(SafeConsumerThread)
    assignment = SimpleNamespace(state_value={TopicPartition(*ONE): state}.get)
    subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))
    made._consumer = SimpleNamespace(_subscription=subscription)
    return made


def state(position: int | None, highwater: int | None) -> Any:
    return SimpleNamespace(has_valid_position=position is not None, position=position, highwater=highwater)


@pytest.mark.parametrize(
    ("found", "behind"),
    [
        (state(5, 5), False),
        (state(5, None), False),  # not told yet
        (state(5, 7), True),
        (state(None, None), True),  # where to begin is asked for, perhaps of the wrong broker, perhaps for ever
        (None, False),  # the partition is another's by now
    ],
)
def test_a_partition_is_behind_when_there_is_more_or_its_place_is_not_known(found: Any, *, behind: bool) -> None:
    assert thread(found).is_behind(ONE) is behind
