"""What every client of an object store has in common, whoever of the hub opens it."""

import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from connectors.errors import DestinationDownError

if TYPE_CHECKING:
    from obstore.store import RetryConfig

ONE_RETRY: "RetryConfig" = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}
"""The hub repeats, and waits longer each time; one quick repeat spares it that for a connection that had gone stale."""

USER_AGENT = "event-hub"

_QUERY = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']*")


def http_by_environment() -> bool:
    """Whether the environment lets plain HTTP be spoken. Options that are given to a client replace what it says."""
    return os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true"


def store_down(meaning: str, error: Exception) -> DestinationDownError:
    """What obstore raised, as the fault of the store. The text has no query of a URL in it: Azure has its signatures
    there.
    """
    said = _QUERY.sub(r"\1?…", str(error).split("\n\nDebug source", maxsplit=1)[0])
    translated = DestinationDownError(f"{meaning}: {' '.join(said.split())[:500]}")
    translated.__cause__ = None  # the cause has what was cut out of the text
    return translated
