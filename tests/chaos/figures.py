"""How long events took, end to end: from the request that was answered 2xx to the destination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.outcome import OutcomeState
from tests.bench.figures import percentile
from tests.chaos.collected import Body, Collected
from tests.chaos.deliveries import decided


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one destination in one phase, in milliseconds."""

    events: int
    p50: float
    p99: float


def latency(collected: Collected, destination: str, numbers: range) -> Latency | None:
    """Of the events with these numbers; None where none of them arrived."""
    arrived = first_arrivals(collected, destination)
    seconds = sorted(
        max(0.0, arrived[body] - one.began)
        for one in collected.accepted
        if one.event.number in numbers and (body := (one.event.id, one.event.digest)) in arrived
    )
    if not seconds:
        return None
    return Latency(len(seconds), percentile(seconds, 0.5) * 1e3, percentile(seconds, 0.99) * 1e3)


def first_arrivals(collected: Collected, destination: str) -> Mapping[Body, float]:
    """When each body first got there, in seconds since 1970: by the endpoint's clock, or by the outcome's end."""
    arrived: dict[Body, float] = {}
    for body, at in _arrivals(collected, destination):
        arrived[body] = min(at, arrived.get(body, at))
    return arrived


def _arrivals(collected: Collected, destination: str) -> Sequence[tuple[Body, float]]:
    if destination in collected.arrivals:
        return [((one.event_id, one.digest), one.at) for one in collected.arrivals[destination]]
    due = decided(collected, destination)
    return [
        (due[one.outcome.delivery].body, one.outcome.ended.timestamp())
        for one in collected.outcomes[destination]
        if one.outcome.state is OutcomeState.DELIVERED and one.outcome.delivery in due
    ]
