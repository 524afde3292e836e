"""What workers and ingresses say of themselves ⇄ the records of ``hub.reports``."""

from dataclasses import fields
from typing import Any

from hub.log.record import MalformedRecordError, Record
from hub.log.values import JSON_HEADERS, decode_object, decode_time, encode_value
from schemas.identity import DeliveryId, Run
from schemas.lane import Lane
from schemas.report import DestinationReport, DestinationState, LaneReport, ProcessKind, ProcessReport, Waiting

_REPORT_FIELDS = tuple(field.name for field in fields(DestinationReport))
_PROCESS_FIELDS = tuple(field.name for field in fields(ProcessReport))


def report_key(destination: str, worker: str) -> bytes:
    return f"{destination}/{worker}".encode()


def encode_report(report: DestinationReport) -> Record:
    """The record of ``hub.reports``."""
    return Record(report_key(report.destination, report.worker), encode_value(report, _REPORT_FIELDS), JSON_HEADERS)


def decode_report(value: bytes | None) -> DestinationReport:
    """Undo `encode_report`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = decode_object(value)
    try:
        return DestinationReport(
            destination=found["destination"],
            worker=found["worker"],
            at=decode_time(found["at"]),
            since=decode_time(found["since"]),
            revision=found["revision"],
            state=DestinationState(found["state"]),
            reason=found["reason"],
            until=None if found["until"] is None else decode_time(found["until"]),
            partitions=tuple(int(number) for number in found["partitions"]),
            lanes=tuple(_lane_report(one) for one in found["lanes"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MalformedRecordError(f"not a report: {error!r}") from error


def process_report_key(kind: ProcessKind, process: str) -> bytes:
    return f"/{kind}/{process}".encode()  # no destination's name is empty


def encode_process_report(report: ProcessReport) -> Record:
    """The record of ``hub.reports``."""
    return Record(process_report_key(report.kind, report.process), encode_value(report, _PROCESS_FIELDS), JSON_HEADERS)


def is_process_report(key: bytes | None) -> bool:
    """Whether a record of ``hub.reports`` is about a process, not about a destination."""
    return key is not None and key.startswith(b"/")


def decode_process_report(value: bytes | None) -> ProcessReport:
    """Undo `encode_process_report`.

    Raises:
        NewerFormatError, MalformedRecordError
    """
    found = decode_object(value)
    try:
        return ProcessReport(
            kind=ProcessKind(found["kind"]),
            process=found["process"],
            at=decode_time(found["at"]),
            revision=found["revision"],
            since=decode_time(found["since"]),
            refused=found["refused"],
            problem=found["problem"],
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
            received=decode_time(oldest["received"]),
            attempt=int(oldest["attempt"]),
            why=oldest["why"],
        ),
    )
