"""How much the hub says about itself: each thing at once, its repetitions counted. Pure; the clock is passed in."""

from dataclasses import dataclass, field, replace

from hub.log.news_words import SEVERITIES, sentence
from schemas.news import HUB_SOURCE, Happening, NewsItem, NewsType

EVERY = 60.0
"""Seconds in which one type of news of one destination is told once at most."""

MOST_SERIES = 1000


class NewsPace:
    """Tells the first of a type and destination at once, and what follows within ``every`` seconds as one, with its
    count. Memory is bounded: of what waits only the count, the first and the last are kept, for at most ``most``
    destinations.

    Never about itself: what happened to a delivery of the hub's own news is no news. Else a destination that fails at
    them would be told of each failure by another one, for ever.
    """

    def __init__(self, every: float = EVERY, most: int = MOST_SERIES) -> None:
        self._every = every
        self._most = most
        self._series: dict[tuple[str, str | None], _Series] = {}

    def add(
        self,
        kind: NewsType,
        destination: str | None,
        happening: Happening,
        *,
        source: str | None,
        now: float,
        count: int = 1,
    ) -> list[NewsItem]:
        """Take in what happened ``count`` times; what is to be told at once.

        ``source`` is that of the event it happened to. ``now`` is in seconds, of the clock that `due` is given.

        Raises:
            OverflowError: there is news of ``most`` destinations already; this one is not kept.
        """
        series = self._find(kind, destination, now)
        if not series.is_news(kind, source):
            return []
        series.collect(kind, happening, count)
        return series.tell(now) if series.due(self._every) <= now else []

    def due(self, now: float) -> list[NewsItem]:
        """What was counted, where the time for it has come."""
        every = self._every
        return [
            item for one in self._series.values() if one.waiting and one.due(every) <= now for item in one.tell(now)
        ]

    def next_due(self) -> float | None:
        """When `due` has something; None while nothing waits."""
        return min((one.due(self._every) for one in self._series.values() if one.waiting), default=None)

    def rest(self, now: float) -> list[NewsItem]:
        """Everything that was counted, due or not: for the end."""
        return [item for one in self._series.values() for item in one.tell(now)]

    def _find(self, kind: NewsType, destination: str | None, now: float) -> "_Series":
        key = (kind.partition(".")[0], destination)
        if key not in self._series:
            if len(self._series) >= self._most:
                self._series = {key: one for key, one in self._series.items() if not one.is_over(now, self._every)}
            if len(self._series) >= self._most:
                raise OverflowError(f"there is news of {self._most} destinations already")
            self._series[key] = _Series(destination)
        return self._series[key]


@dataclass(slots=True)
class _Series:
    """News of one destination that keep their order: those of one noun, such as ``destination.*``.

    What waits is told together, in the order in which each last happened, and nothing overtakes it: by the last event
    one knows whether the destination is up or down.
    """

    destination: str | None
    told: dict[NewsType, float] = field(default_factory=dict)  # when last
    waiting: "dict[NewsType, _Collected]" = field(default_factory=dict)
    is_down: bool = False

    def is_news(self, kind: NewsType, source: str | None) -> bool:
        """A destination.up is, after each destination.down that was: whatever delivery got through first. Often that is
        the news which waited for it.
        """
        if kind is NewsType.DESTINATION_UP:
            was_down, self.is_down = self.is_down, False
            return was_down
        if source == HUB_SOURCE:
            return False
        if kind is NewsType.DESTINATION_DOWN:
            was_down, self.is_down = self.is_down, True
            return not was_down
        return True

    def collect(self, kind: NewsType, happening: Happening, count: int) -> None:
        before = self.waiting.pop(kind, None)
        if before is None:
            self.waiting[kind] = _Collected(count, happening, happening)
        else:
            self.waiting[kind] = replace(before, count=before.count + count, last=happening)

    def due(self, every: float) -> float:
        """When all that waits may be told."""
        return max((self.told[kind] + every for kind in self.waiting if kind in self.told), default=float("-inf"))

    def tell(self, now: float) -> list[NewsItem]:
        waiting, self.waiting = self.waiting, {}
        self.told |= dict.fromkeys(waiting, now)
        return [_item(kind, self.destination, collected) for kind, collected in waiting.items()]

    def is_over(self, now: float, every: float) -> bool:
        """Whether it can be forgotten."""
        return not self.waiting and not self.is_down and all(now >= told + every for told in self.told.values())


@dataclass(frozen=True, slots=True)
class _Collected:
    """What happened and was not told yet."""

    count: int
    first: Happening
    last: Happening


def _item(kind: NewsType, destination: str | None, collected: _Collected) -> NewsItem:
    return NewsItem(
        type=kind,
        severity=SEVERITIES[kind],
        destination=destination,
        count=collected.count,
        message=sentence(kind, destination, collected.count, collected.last),
        first=collected.first,
        last=collected.last,
    )
