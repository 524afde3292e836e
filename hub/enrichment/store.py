"""The place where results are kept: a folder or an object store, and what its errors mean for a delivery."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from obstore import exceptions
from obstore.store import LocalStore, from_url

from connectors.api import DestinationDownError
from connectors.stores import ONE_RETRY, USER_AGENT, http_by_environment, store_down

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore

FOREIGN = (exceptions.BaseError, OSError, ValueError)
"""Everything that obstore raises on purpose."""

_REQUEST_TIMEOUT = timedelta(seconds=25)
_CONNECT_TIMEOUT = timedelta(seconds=10)


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
        "allow_http": http_by_environment(),
        "user_agent": USER_AGENT,
    }
    return from_url(url, client_options=client, retry_config=ONE_RETRY), url.rstrip("/")


def unreachable(error: Exception) -> DestinationDownError:
    """Translate one of FOREIGN: nobody gets results while this lasts, and no delivery is given up for it."""
    return store_down("the place where results are kept (`enrichments.url`) fails", error)
