"""The promises about the log: pure functions of what was collected."""

from tests.chaos.collected import Collected
from tests.chaos.verdict import Verdict


def accepted_is_stored(collected: Collected) -> Verdict:
    stored = {(one.id, one.digest) for one in collected.events.values()}
    promised = {(one.event.id, one.event.digest) for one in collected.accepted}
    return Verdict(
        "what was answered 2xx is in Kafka, byte for byte",
        {"answered 2xx": len(promised), "records": len(collected.events), "bodies": len(stored)},
        [f"{event_id} was answered 2xx and is not stored" for event_id, _ in sorted(promised - stored)],
    )


def too_late_is_refused(collected: Collected) -> Verdict:
    late = {event.id for event in collected.too_late}
    taken = late & {one.event.id for one in collected.accepted} | late & {one.id for one in collected.events.values()}
    return Verdict(
        "what is signed outside the tolerance is refused",
        {"refused": len(late) - len(taken)},
        [f"{event_id} was taken" for event_id in sorted(taken)],
    )


def every_event_is_decided(collected: Collected) -> Verdict:
    violations = []
    for place, stored in collected.events.items():
        decision = collected.decisions.get(place)
        if decision is None:
            violations.append(f"{stored.id} at {place.partition}:{place.offset} has no decision")
        elif (decision.id, decision.digest) != (stored.id, stored.digest):
            violations.append(f"the decision for {place.partition}:{place.offset} is about {decision.id}")
    return Verdict("every event is decided", {"decided": len(collected.decisions)}, violations)


def everything_is_worked_off(collected: Collected) -> Verdict:
    left = [f"{topic}: {records} records left" for topic, records in collected.lag.items()]
    return Verdict("lag and retry tiers are back to zero", {"left": sum(collected.lag.values())}, left)


def garbage_is_buried(collected: Collected) -> Verdict:
    garbage = set(collected.garbage)
    buried = garbage & {letter.value for letter in collected.dead_letters}
    return Verdict(
        "what cannot be read is a dead letter",
        {"written": len(garbage), "buried": len(buried)},
        [f"{value.decode()!r} is not among the dead letters" for value in sorted(garbage - buried)],
    )


def everything_is_signed(collected: Collected) -> Verdict:
    return Verdict("every request of the hub is signed", {"unsigned": len(collected.unsigned)}, collected.unsigned)
