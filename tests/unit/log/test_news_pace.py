"""The hub tells of everything that matters, of nothing too often, and never of its own news."""

from datetime import UTC, datetime, timedelta

import pytest

from hub.log.news_pace import NewsPace
from schemas.identity import DeliveryId
from schemas.news import HUB_SOURCE, Happening, NewsItem, NewsType, Severity

START = datetime(2026, 2, 3, tzinfo=UTC)
DEAD, DOWN, UP = NewsType.DELIVERY_DEAD, NewsType.DESTINATION_DOWN, NewsType.DESTINATION_UP


class Pace:
    """A pace and its clock: ``tell`` and ``pass_time`` return the news that follow."""

    def __init__(self, most: int = 1000) -> None:
        self.core = NewsPace(every=60.0, most=most)
        self.now = 0.0

    def tell(
        self, kind: NewsType, destination: str | None = "out", source: str = "shop", count: int = 1, error: str = "x"
    ) -> list[NewsItem]:
        happening = Happening(START + timedelta(seconds=self.now), error=error)
        return self.core.add(kind, destination, happening, source=source, now=self.now, count=count)

    def pass_time(self, seconds: float) -> list[NewsItem]:
        self.now += seconds
        return self.core.due(self.now)


def told(items: list[NewsItem]) -> list[tuple[str, int]]:
    return [(item.type, item.count) for item in items]


def test_the_first_is_told_at_once() -> None:
    (item,) = Pace().tell(DEAD, error="BadRecordError: no")
    assert (item.type, item.severity, item.destination, item.count) == (DEAD, Severity.ERROR, "out", 1)
    assert item.first == item.last == Happening(START, error="BadRecordError: no")


def test_what_follows_within_a_minute_is_told_as_one_when_it_is_over() -> None:
    pace = Pace()
    pace.tell(DEAD)
    assert pace.core.next_due() is None
    assert not pace.pass_time(10)
    assert not pace.tell(DEAD, error="second")
    assert not pace.tell(DEAD, count=5)
    assert not pace.pass_time(49.9)
    assert not pace.tell(DEAD, error="last")
    assert pace.core.next_due() == 60.0
    (item,) = pace.pass_time(0.1)
    assert (item.count, item.first.error, item.last.error) == (7, "second", "last")
    assert (item.first.at, item.last.at) == (START + timedelta(seconds=10), START + timedelta(seconds=59.9))
    assert not pace.pass_time(1000)


def test_what_was_counted_begins_another_minute() -> None:
    pace = Pace()
    pace.tell(DEAD)
    pace.tell(DEAD)
    assert told(pace.pass_time(60)) == [(DEAD, 1)]
    pace.now += 59
    assert not pace.tell(DEAD)
    assert told(pace.pass_time(1)) == [(DEAD, 1)]
    pace.now += 60
    assert told(pace.tell(DEAD)) == [(DEAD, 1)]


def test_destinations_and_types_do_not_wait_for_each_other() -> None:
    pace = Pace()
    for kind in (DEAD, DOWN, NewsType.ID_CONFLICT, NewsType.LEDGER_MISSING):
        for destination in ("out", "other", None):
            assert told(pace.tell(kind, destination)) == [(kind, 1)]


def test_down_and_up_are_told_once_for_each_change() -> None:
    pace = Pace()
    assert told(pace.tell(DOWN)) == [(DOWN, 1)]
    for _ in range(3):
        assert not pace.pass_time(100)
        assert not pace.tell(DOWN)
    assert told(pace.tell(UP)) == [(UP, 1)]
    pace.now += 100
    assert not pace.tell(UP)
    assert not pace.pass_time(100)
    assert told(pace.tell(DOWN)) == [(DOWN, 1)]


@pytest.mark.parametrize("last", [DOWN, UP])
def test_the_last_that_is_told_of_a_flapping_destination_is_how_it_is(last: NewsType) -> None:
    """Were each type told for itself, a counted "down" could come after the "up" that ended it."""
    pace = Pace()
    seen = pace.tell(DOWN)
    for kind in (UP, DOWN, UP, *([DOWN] if last is DOWN else [])):
        pace.now += 10
        seen += pace.tell(kind)
    assert told(seen) == [(DOWN, 1), (UP, 1)]
    assert not pace.core.due(69.9)
    assert told(pace.core.due(70.0)) == ([(DOWN, 1), (UP, 1)] if last is UP else [(UP, 1), (DOWN, 2)])


def test_what_happened_to_the_hubs_own_news_is_none() -> None:
    pace = Pace()
    for kind in (DEAD, DOWN, UP, NewsType.ID_CONFLICT, NewsType.LEDGER_MISSING):
        assert not pace.tell(kind, source=HUB_SOURCE)
    assert not pace.core.rest(pace.now)


def test_a_down_that_was_told_is_followed_by_its_up_whoever_got_through() -> None:
    pace = Pace()
    pace.tell(DOWN)
    assert told(pace.tell(UP, source=HUB_SOURCE)) == [(UP, 1)]


def test_a_down_noticed_by_the_hubs_own_news_is_told_when_another_delivery_notices_it() -> None:
    pace = Pace()
    assert not pace.tell(DOWN, source=HUB_SOURCE)
    assert told(pace.tell(DOWN)) == [(DOWN, 1)]


def test_at_the_end_everything_that_was_counted_is_told() -> None:
    pace = Pace()
    for destination in ("out", "other"):
        pace.tell(DEAD, destination)
        pace.tell(DEAD, destination, count=3)
    assert [(item.destination, item.count) for item in pace.core.rest(pace.now)] == [("out", 3), ("other", 3)]
    assert not pace.core.rest(pace.now)


def test_memory_is_bounded_and_what_is_over_makes_room() -> None:
    pace = Pace(most=3)
    pace.tell(DEAD, "is over")
    pace.tell(DOWN, "is down")
    pace.tell(DEAD, "waits")
    pace.tell(DEAD, "waits")
    with pytest.raises(OverflowError, match="3 destinations"):
        pace.tell(DEAD, "another")
    pace.now += 60
    assert told(pace.tell(DEAD, "another")) == [(DEAD, 1)]
    with pytest.raises(OverflowError):
        pace.tell(DEAD, "one more")
    assert told(pace.core.due(pace.now)) == [(DEAD, 1)]
    assert told(pace.tell(UP, "is down")) == [(UP, 1)]


@pytest.mark.parametrize("kind", NewsType)
@pytest.mark.parametrize("destination", ["warehouse", None])
@pytest.mark.parametrize("count", [1, 12])
def test_the_message_says_it_in_a_sentence(kind: NewsType, destination: str | None, count: int) -> None:
    if kind is NewsType.CONFIGURATION_REFUSED and destination is not None:
        destination = None  # it is about the configuration
    pace = Pace()
    pace.tell(DOWN, destination)
    happening = Happening(START, delivery=DeliveryId("shop/1~aa:all:warehouse"), error="KeyError: {no} %s")
    pace.now = 60.0
    (item,) = pace.core.add(kind, destination, happening, source="shop", now=60.0, count=count) or NewsPace().add(
        kind, destination, happening, source="shop", now=0.0, count=count
    )
    assert item.message.endswith(".")
    assert "{" not in item.message.replace("{no}", "")
    assert ("12" in item.message) == (count == 12)
    assert ("warehouse" in item.message) == (destination is not None or "shop/1" in item.message)
