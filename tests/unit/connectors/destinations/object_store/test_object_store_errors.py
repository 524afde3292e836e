"""Every error of the client has a meaning, and none shows what is secret."""

import pytest
from obstore import exceptions

from connectors.api import BadRecordError, DestinationDownError
from connectors.destinations.object_store.errors import FOREIGN, MEANING, delivery_error

RAISED = [
    each
    for name, each in sorted(vars(exceptions).items())
    if isinstance(each, type) and issubclass(each, Exception) and name != "NotFoundError"
]
"""NotFoundError is deprecated: FileNotFoundError is raised in its place."""


def test_every_error_of_obstore_is_in_the_table() -> None:
    assert len(RAISED) >= 11
    assert set(RAISED) <= set(MEANING)


@pytest.mark.parametrize("kind", [*RAISED, FileNotFoundError, ConnectionError, TimeoutError, ValueError])
def test_every_error_is_the_stores_fault(kind: type[Exception]) -> None:
    error = delivery_error(kind("no"))
    assert isinstance(error, DestinationDownError)
    assert not isinstance(error, BadRecordError)


def test_what_is_more_special_comes_first() -> None:
    for number, kind in enumerate(FOREIGN):
        assert not any(issubclass(later, kind) for later in FOREIGN[number + 1 :]), kind


def test_a_signature_in_a_url_is_not_shown() -> None:
    said = (
        "Error performing PUT https://x.blob.core.windows.net/c/k?sv=1&sig=SECRET in 2ms - 403\n\nDebug source:\nSECRET"
    )
    error = delivery_error(exceptions.GenericError(said))
    assert "SECRET" not in f"{error} {error.__cause__}"
    assert "403" in str(error)
