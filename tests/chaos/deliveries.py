"""What was decided for a destination, and how it ended."""

from dataclasses import dataclass

from schemas.identity import DeliveryId
from schemas.lane import Lane
from schemas.outcome import OutcomeState
from tests.chaos.collected import Body, Collected, Place, Stored


@dataclass(frozen=True, slots=True)
class Decided:
    """One delivery that was decided, and where its event first stands in the log."""

    delivery: DeliveryId
    body: Body
    stored: Stored
    place: Place
    lane: Lane


def decided(collected: Collected, destination: str) -> dict[DeliveryId, Decided]:
    found: dict[DeliveryId, Decided] = {}
    for place in sorted(collected.decisions):
        decision = collected.decisions[place]
        stored = collected.events.get(place)
        for one in decision.deliveries:
            if one.destination == destination and stored is not None:
                body = (stored.id, stored.digest)
                found.setdefault(one.delivery, Decided(one.delivery, body, stored, place, one.lane))
    return found


def first_ends(collected: Collected, destination: str) -> dict[DeliveryId, OutcomeState]:
    """The first terminal outcome of each delivery in the log: the one that counts."""
    ends: dict[DeliveryId, OutcomeState] = {}
    for logged in collected.outcomes.get(destination, ()):
        if logged.outcome.state.terminal:
            ends.setdefault(logged.outcome.delivery, logged.outcome.state)
    return ends
