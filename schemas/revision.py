"""A revision of ``hub.yaml`` that was put into force. The values of ``hub.config``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AppliedBy(StrEnum):
    """How a revision came into force."""

    APPLY = "apply"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class AppliedRevision:
    """What every part of the hub runs from here on; the last record counts. The value is compressed with gzip.

    ``revision`` names the ``texts`` (file name → text, variables unexpanded: no secret is in them) by 12 hex digits
    of their SHA-256; ``previous`` is the revision before it. A ``rollback`` ``overrides`` a revision: as long as the
    file still has that one, the rollback stays in force. ``destinations`` are the names in it. ``by`` is who did it
    (``user@host``), ``why`` is for people.
    """

    revision: str
    previous: str | None
    kind: AppliedBy
    overrides: str | None
    by: str
    why: str
    at: datetime
    destinations: tuple[str, ...]
    texts: Mapping[str, str]
