from hub.delivery.series import FAILURES, Series
from schemas.identity import LIVE, DeliveryId, DeliveryKey


def keys(*names: str) -> list[DeliveryKey]:
    return [DeliveryKey(DeliveryId(name), LIVE) for name in names]


def test_many_failures_over_several_deliveries_are_an_outage() -> None:
    series = Series()
    assert [series.failed(keys(name)) for name in "abcab"] == [False] * (FAILURES - 1) + [True]


def test_many_failures_of_two_deliveries_are_not() -> None:
    series = Series()
    assert not any(series.failed(keys("a", "b")) for _ in range(100))


def test_a_success_in_between_begins_anew() -> None:
    series = Series()
    series.failed(keys("a", "b", "c", "d"))
    series.succeeded()
    assert series.failed(keys("e")) is False


def test_a_whole_batch_is_enough() -> None:
    assert Series().failed(keys(*"abcde")) is True
