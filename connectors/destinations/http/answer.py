"""An endpoint's answer, and what can be read out of it though a stranger wrote it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from yarl import URL

from connectors.destinations.http.masking import Mask

SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)

_SHOWN = 200  # characters of an answer's text
_TEXT = re.compile(r"(?:text/plain|application/(?:[a-z0-9.+-]+\+)?json)\b", re.IGNORECASE)  # HTML is for browsers
_SECONDS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """``beginning`` is of the body, as far as it came; ``headers`` find a name in any case."""

    status: int
    headers: Mapping[str, str]
    beginning: bytes

    @property
    def accepted(self) -> bool:
        return 200 <= self.status < 300

    def retry_after(self, now: datetime) -> timedelta | None:
        """How long the endpoint wants to be left alone, between a second and an hour; None where it does not say.

        Less would be a loop without a pause; more is rather a mistake than a wish, and asking again costs little.
        """
        written = self.headers.get("Retry-After", "").strip()
        if _SECONDS.fullmatch(written):
            # Nine digits are three decades, and more would be more than a timedelta holds.
            wanted = timedelta(seconds=int(written[:9]))
        else:
            try:
                date = parsedate_to_datetime(written)
            except ValueError:
                return None
            wanted = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
        return min(max(wanted, SHORTEST_PAUSE), LONGEST_PAUSE)

    def points_to(self, url: URL) -> str:
        """Where a redirect leads, as far as can be shown: its path and query may be as secret as those of ``url``."""
        location = self.headers.get("Location", "")
        try:
            target = url.join(URL(location))
            origin = target.origin()
        except ValueError:
            return "nowhere"
        return "another path of the same host" if origin == url.origin() else str(origin)

    def excerpt(self, mask: Mask) -> str:
        """The beginning of a text or JSON on one line, without control characters and secrets; else nothing."""
        if "Content-Encoding" in self.headers:  # nobody asked for it
            return ""
        if not _TEXT.match(self.headers.get("Content-Type", "")):
            return ""
        text = " ".join(mask(self.beginning.decode(errors="replace")).split())
        printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
        return printable if len(printable) <= _SHOWN else printable[: _SHOWN - 1] + "…"
