"""Decisions, outcomes and controls ⇄ records: JSON values, described for other languages in ``schemas/json``."""

from dataclasses import fields

from hub.log.record import MalformedRecordError, Record
from hub.log.values import JSON_HEADERS, decode_object, decode_time, encode_value
from schemas.control import Control
from schemas.decision import DecidedDelivery, Decision
from schemas.identity import DeliveryId, Run
from schemas.lane import Lane
from schemas.outcome import Outcome, OutcomeState

_DECISION_FIELDS = tuple(field.name for field in fields(Decision))
_OUTCOME_FIELDS = tuple(field.name for field in fields(Outcome))
_CONTROL_FIELDS = tuple(field.name for field in fields(Control))


def encode_decision(decision: Decision, key: bytes | None) -> Record:
    """The record of ``hub.decisions``; the key is that of the event's record."""
    return Record(key, encode_value(decision, _DECISION_FIELDS), JSON_HEADERS)


def decode_decision(value: bytes | None) -> Decision:
    """Undo `encode_decision`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = decode_object(value)
    try:
        return Decision(
            source=found["source"],
            id=found["id"],
            digest=found["digest"],
            offset=int(found["offset"]),
            revision=found["revision"],
            decided=decode_time(found["decided"]),
            deliveries=tuple(
                DecidedDelivery(one["route"], one["destination"], DeliveryId(one["delivery"]), Lane(one["lane"]))
                for one in found["deliveries"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a decision: {error!r}") from error


def encode_outcome(outcome: Outcome) -> Record:
    """The record of ``hub.outcomes.<destination>``; its key is the delivery's id. A longer error is cut to 1 kB."""
    value = encode_value(outcome, _OUTCOME_FIELDS)
    return Record(outcome.delivery.encode(), value, JSON_HEADERS)


def decode_outcome(value: bytes | None) -> Outcome:
    """Undo `encode_outcome`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = decode_object(value)
    try:
        return Outcome(
            delivery=DeliveryId(found["delivery"]),
            run=Run(found["run"]),
            route=found["route"],
            destination=found["destination"],
            state=OutcomeState(found["state"]),
            attempt=int(found["attempt"]),
            offset=int(found["offset"]),
            received=decode_time(found["received"]),
            started=decode_time(found["started"]),
            ended=decode_time(found["ended"]),
            error=found["error"],
            retry_at=None if found["retry_at"] is None else decode_time(found["retry_at"]),
            moved=bool(found["moved"]),
            lane=Lane(found["lane"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not an outcome: {error!r}") from error


def encode_control(control: Control) -> Record:
    """The record of ``hub.controls``."""
    return Record(control.destination.encode(), encode_value(control, _CONTROL_FIELDS), JSON_HEADERS)


def decode_control(value: bytes | None) -> Control:
    """Undo `encode_control`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = decode_object(value)
    try:
        return Control(
            destination=found["destination"],
            paused=bool(found["paused"]),
            by=found["by"],
            reason=found["reason"],
            at=decode_time(found["at"]),
            discard=bool(found.get("discard", False)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a control: {error!r}") from error
