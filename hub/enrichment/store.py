"""The place where results are kept: a folder or an object store, and what its errors mean for a delivery."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore import exceptions
from obstore.store import LocalStore, from_url

from connectors.api import DestinationDownError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

FOREIGN = (exceptions.BaseError, OSError, ValueError)
"""Everything that obstore raises on purpose."""

_REQUEST_TIMEOUT = timedelta(seconds=25)
_CONNECT_TIMEOUT = timedelta(seconds=10)
_RETRIES: "RetryConfig" = {"max_retries": 1, "retry_timeout": timedelta(seconds=5)}
_QUERY = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']*")


def open_store(url: str | None, home: Path) -> "tuple[ObjectStore, str]":
    """A client, and the URI that its keys are below; nothing is sent yet. ``url`` None: a folder of ``home``.

    Raises one of FOREIGN.
    """
    if url is None or url.startswith("file://"):
        folder = home.absolute() / "enrichments" if url is None else Path(urlsplit(url).path)
        return LocalStore(folder, mkdir=True, automatic_cleanup=True), folder.as_uri()
    client: ClientConfig = {
        "timeout": _REQUEST_TIMEOUT,
        "connect_timeout": _CONNECT_TIMEOUT,
        # These options replace what the environment says of them.
        "allow_http": os.environ.get("AWS_ALLOW_HTTP", "").lower() == "true",
        "user_agent": "event-hub",
    }
    return from_url(url, client_options=client, retry_config=_RETRIES), url.rstrip("/")


def unreachable(error: Exception) -> DestinationDownError:
    """Translate one of FOREIGN: nobody gets results while this lasts, and no delivery is given up for it. The text has
    no query of a URL in it: Azure has its signatures there.
    """
    said = _QUERY.sub(r"\1?…", str(error).split("\n\nDebug source", maxsplit=1)[0])
    translated = DestinationDownError(
        f"the place where results are kept (`enrichments.url`) fails: {' '.join(said.split())[:500]}"
    )
    translated.__cause__ = None  # the cause has what was cut out of the text
    return translated
