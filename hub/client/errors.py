"""What can go wrong: ``HubError`` is all of it."""


class HubError(Exception):
    """The message says what happened and what to do."""


class HubUnavailableError(HubError):
    """Nobody answers at that address, or only with errors, for longer than the client's patience."""


class HubRefusesError(HubError):
    """The hub wants no such request: no token, or the wrong one; a parameter it does not know."""


class PositionGoneError(HubError):
    """What follows the position is no longer in the log. Begin without one: some events are missed."""


class WaitTimeoutError(HubError, TimeoutError):
    """The job has not ended within the time."""
