"""What the hub's own news say to people, and how much they matter."""

from collections.abc import Mapping

from schemas.news import Happening, NewsType, Severity

SEVERITIES: Mapping[NewsType, Severity] = {
    NewsType.DELIVERY_DEAD: Severity.ERROR,
    NewsType.DESTINATION_DOWN: Severity.WARNING,
    NewsType.DESTINATION_UP: Severity.INFO,
    NewsType.ID_CONFLICT: Severity.WARNING,
    NewsType.CONFIGURATION_REFUSED: Severity.ERROR,
    NewsType.LEDGER_MISSING: Severity.ERROR,
}

_SENTENCES: Mapping[NewsType, tuple[str, str]] = {
    NewsType.DELIVERY_DEAD: (
        "A delivery{to} was given up{error}. See `hub dead list`.",
        "{count} deliveries{to} were given up, the last one{error}. See `hub dead list`.",
    ),
    NewsType.DESTINATION_DOWN: (
        "{destination} is down{error}. Its deliveries wait; nothing is lost.",
        "{destination} went down {count} times, the last time{error}. Its deliveries wait; nothing is lost.",
    ),
    NewsType.DESTINATION_UP: (
        "{destination} is up again.",
        "{destination} came up again {count} times.",
    ),
    NewsType.ID_CONFLICT: (
        "An id was used again with another body{to}: {what}. Both are delivered.",
        "{count} ids were used again with another body{to}, the last one: {what}. All are delivered.",
    ),
    NewsType.CONFIGURATION_REFUSED: (
        "A worker cannot take up a revision of the configuration{error}. It runs the one before. See `hub status`.",
        "{count} times a worker could not take up a revision, the last time{error}. See `hub status`.",
    ),
    NewsType.LEDGER_MISSING: (
        "The ledger misses an end{to}: {what}. See `hub ledger verify`.",
        "The ledger misses {count} ends{to}, the last one: {what}. See `hub ledger verify`.",
    ),
}
"""Type → the sentence for one, and for many."""


def sentence(type: NewsType, destination: str | None, count: int, last: Happening) -> str:  # noqa: A002 - as NewsItem calls it
    one, many = _SENTENCES[type]
    return (one if count == 1 else many).format(
        count=count,
        destination=destination or "A destination",
        to=f" to {destination}" if destination else "",
        what=last.delivery or last.event or "see the log",
        error=f": {last.error}" if last.error else "",
    )
