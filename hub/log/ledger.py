"""Decisions and outcomes ⇄ records: JSON values, described for other languages in ``schemas/json``."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import orjson

from hub.log.record import FORMAT, FORMAT_HEADER, MalformedRecordError, NewerFormatError, Record
from schemas.attributes import ERROR_BUDGET, truncate_text
from schemas.control import Control
from schemas.decision import DecidedDelivery, Decision
from schemas.identity import DeliveryId, Run
from schemas.lane import Lane
from schemas.outcome import Outcome, OutcomeState
from schemas.report import DestinationReport, DestinationState, LaneReport, Waiting

_HEADERS: list[tuple[str, bytes]] = [FORMAT_HEADER, ("content-type", b"application/json")]
_DECISION_FIELDS = tuple(field.name for field in fields(Decision))
_OUTCOME_FIELDS = tuple(field.name for field in fields(Outcome))
_CONTROL_FIELDS = tuple(field.name for field in fields(Control))
_REPORT_FIELDS = tuple(field.name for field in fields(DestinationReport))


def encode_decision(decision: Decision, key: bytes | None) -> Record:
    """The record of ``hub.decisions``; the key is that of the event's record."""
    return Record(key, _encode(decision, _DECISION_FIELDS), _HEADERS)


def decode_decision(value: bytes | None) -> Decision:
    """Undo `encode_decision`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = _object(value)
    try:
        return Decision(
            source=found["source"],
            id=found["id"],
            digest=found["digest"],
            offset=int(found["offset"]),
            revision=found["revision"],
            decided=_time(found["decided"]),
            deliveries=tuple(
                DecidedDelivery(one["route"], one["destination"], DeliveryId(one["delivery"]), Lane(one["lane"]))
                for one in found["deliveries"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a decision: {error!r}") from error


def encode_outcome(outcome: Outcome) -> Record:
    """The record of ``hub.outcomes.<destination>``; its key is the delivery's id. A longer error is cut to 1 kB."""
    value = _encode(outcome, _OUTCOME_FIELDS)
    return Record(outcome.delivery.encode(), value, _HEADERS)


def decode_outcome(value: bytes | None) -> Outcome:
    """Undo `encode_outcome`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = _object(value)
    try:
        return Outcome(
            delivery=DeliveryId(found["delivery"]),
            run=Run(found["run"]),
            route=found["route"],
            destination=found["destination"],
            state=OutcomeState(found["state"]),
            attempt=int(found["attempt"]),
            offset=int(found["offset"]),
            received=_time(found["received"]),
            started=_time(found["started"]),
            ended=_time(found["ended"]),
            error=found["error"],
            retry_at=None if found["retry_at"] is None else _time(found["retry_at"]),
            moved=bool(found["moved"]),
            lane=Lane(found["lane"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not an outcome: {error!r}") from error


def encode_control(control: Control) -> Record:
    """The record of ``hub.controls``."""
    return Record(control.destination.encode(), _encode(control, _CONTROL_FIELDS), _HEADERS)


def decode_control(value: bytes | None) -> Control:
    """Undo `encode_control`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = _object(value)
    try:
        return Control(
            destination=found["destination"],
            paused=bool(found["paused"]),
            by=found["by"],
            reason=found["reason"],
            at=_time(found["at"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a control: {error!r}") from error


def report_key(destination: str, worker: str) -> bytes:
    return f"{destination}/{worker}".encode()


def encode_report(report: DestinationReport) -> Record:
    """The record of ``hub.reports``."""
    return Record(report_key(report.destination, report.worker), _encode(report, _REPORT_FIELDS), _HEADERS)


def decode_report(value: bytes | None) -> DestinationReport:
    """Undo `encode_report`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = _object(value)
    try:
        return DestinationReport(
            destination=found["destination"],
            worker=found["worker"],
            at=_time(found["at"]),
            since=_time(found["since"]),
            revision=found["revision"],
            state=DestinationState(found["state"]),
            reason=found["reason"],
            until=None if found["until"] is None else _time(found["until"]),
            partitions=tuple(int(number) for number in found["partitions"]),
            lanes=tuple(_lane_report(one) for one in found["lanes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a report: {error!r}") from error


def _lane_report(found: dict[str, Any]) -> LaneReport:
    oldest = found["oldest"]
    return LaneReport(
        lane=Lane(found["lane"]),
        pending=int(found["pending"]),
        in_flight=int(found["in_flight"]),
        delivered=int(found["delivered"]),
        oldest=None
        if oldest is None
        else Waiting(
            delivery=DeliveryId(oldest["delivery"]),
            run=Run(oldest["run"]),
            subject=oldest["subject"],
            received=_time(oldest["received"]),
            attempt=int(oldest["attempt"]),
            why=oldest["why"],
        ),
    )


def _encode(entry: Decision | Outcome | Control | DestinationReport, names: tuple[str, ...]) -> bytes:
    document: dict[str, Any] = {"format": FORMAT}
    for name in names:
        document[name] = getattr(entry, name)
    if document.get("error") is not None:
        document["error"] = truncate_text(document["error"], ERROR_BUDGET)
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


def _object(value: bytes | None) -> dict[str, Any]:
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError as error:
        raise MalformedRecordError(f"not a hub's record: its value is not JSON ({error})") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), int) or found["format"] < FORMAT:
        raise MalformedRecordError("not a hub's record: its value has no member 'format'")
    if found["format"] > FORMAT:
        raise NewerFormatError(found["format"])
    return found


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return time.astimezone(UTC)
