"""What a store's errors mean for the hub: always the store's fault, since what a record could do wrong is found out
before. So nothing is given up for them; the hub pauses and tries again.
"""

from collections.abc import Mapping

from obstore import exceptions

from connectors.api import DeliveryError
from connectors.stores import store_down

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


def delivery_error(error: Exception) -> DeliveryError:
    """Translate one of FOREIGN."""
    meaning = next(meaning for kind, meaning in MEANING.items() if isinstance(error, kind))
    return store_down(meaning, error)
