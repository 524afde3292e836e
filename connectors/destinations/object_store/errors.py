"""What a store's errors mean for the hub: always the store's fault, since what a record could do wrong is found out
before. So nothing is given up for them; the hub pauses and tries again.
"""

import re
from collections.abc import Mapping

from obstore import exceptions

from connectors.api import DeliveryError, DestinationDownError

MEANING: Mapping[type[Exception], str] = {
    FileNotFoundError: "there is no such bucket, container or folder",
    exceptions.PermissionDeniedError: "these credentials may not write there",
    exceptions.UnauthenticatedError: "the store does not accept these credentials",
    exceptions.InvalidPathError: "the store refuses the name of an object",
    exceptions.NotSupportedError: "the store cannot do what is needed",
    exceptions.UnknownConfigurationKeyError: "the store does not know an option",
    exceptions.AlreadyExistsError: "the store refuses to replace an object; does it keep versions or locks?",
    exceptions.PreconditionError: "the store refuses to replace an object",
    exceptions.NotModifiedError: "the store says that nothing changed",
    exceptions.JoinError: "the client of the store broke down",
    exceptions.GenericError: "the store cannot be reached, or fails",
    exceptions.BaseError: "the store fails",
    OSError: "the store cannot be reached, or its disk fails",
    ValueError: "the store's options cannot be used",
}
"""In this order: the first that fits. Everything that obstore raises on purpose."""

FOREIGN = tuple(MEANING)

_QUERY = re.compile(r"(https?://[^\s?\"']+)\?[^\s\"']*")


def delivery_error(error: Exception) -> DeliveryError:
    """Translate one of FOREIGN. Its text has no query of a URL in it: Azure has its signatures there."""
    meaning = next(meaning for kind, meaning in MEANING.items() if isinstance(error, kind))
    said = _QUERY.sub(r"\1?…", str(error).split("\n\nDebug source", maxsplit=1)[0])
    translated = DestinationDownError(f"{meaning}: {' '.join(said.split())[:500]}")
    translated.__cause__ = None  # the cause has what was cut out of the text
    return translated
