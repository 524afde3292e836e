"""Every header of the hub's records. The README's table and the tests of ``hub.log.records`` are made of it."""

from dataclasses import dataclass
from enum import StrEnum


class On(StrEnum):
    """Which records carry a header."""

    EVERY = "every record"
    EVENTS = "events, deliveries, retries, dead letters"
    DELIVERIES = "deliveries, retries, dead letters"


@dataclass(frozen=True, slots=True)
class Header:
    """``always`` says whether every such record has it; else it is absent where there is nothing to say."""

    name: str
    on: On
    meaning: str
    always: bool = False


HEADERS: tuple[Header, ...] = (
    Header("ce_hubformat", On.EVERY, "version of this table, `1`; a worker that meets a newer one stops", always=True),
    Header(
        "content-type",
        On.EVERY,
        "media type of the value as the sender named it; `application/json` on decisions and outcomes",
    ),
    Header("ce_specversion", On.EVENTS, "`1.0`: CloudEvents, Kafka binding, binary mode", always=True),
    Header("ce_id", On.EVENTS, "the event's id from its sender, else random; unique within `ce_source`", always=True),
    Header("ce_source", On.EVENTS, "name of the source in `hub.yaml`; `hub` for the hub's own news", always=True),
    Header("ce_type", On.EVENTS, "what happened, in the sender's words", always=True),
    Header("ce_subject", On.EVENTS, "what it happened to"),
    Header("ce_time", On.EVENTS, "when it happened according to the sender, RFC 3339"),
    Header("ce_partitionkey", On.EVENTS, "subject, else id; also the record's key", always=True),
    Header("ce_traceparent", On.EVENTS, "W3C trace context of the request"),
    Header("ce_hubreceived", On.EVENTS, "when the hub accepted it, RFC 3339", always=True),
    Header("ce_hubdigest", On.EVENTS, "SHA-256 of the value, lower-case hex", always=True),
    Header("ce_hubendpoint", On.EVENTS, "rest of the request's path after the source"),
    Header("ce_hubmetadata", On.EVENTS, "JSON object: what rules usually look at; 8 kB at most"),
    Header("ce_hubverified", On.EVENTS, "JSON object: how it was verified: `scheme`, key thumbprint …"),
    Header(
        "ce_hubheaders", On.EVENTS, "JSON array of [name, value]: received headers that are evidence; 16 kB at most"
    ),
    Header("ce_hubdelivery", On.DELIVERIES, "the delivery's id, equal on every attempt", always=True),
    Header("ce_hubroute", On.DELIVERIES, "id of the route that matched", always=True),
    Header("ce_hubdestination", On.DELIVERIES, "name of the destination", always=True),
    Header("ce_hubrevision", On.DELIVERIES, "revision of `hub.yaml` that decided it", always=True),
    Header("ce_hubrun", On.DELIVERIES, "`p…` on a replay, `r<n>` on a redrive"),
    Header("ce_hublane", On.DELIVERIES, "`high`, `normal`, `low` or `replay`", always=True),
    Header("ce_hubattempt", On.DELIVERIES, "tries begun before this record was written, if any"),
    Header("ce_hubfirstattempt", On.DELIVERIES, "when the first of them began, RFC 3339"),
    Header("ce_huberror", On.DELIVERIES, "on dead letters: why; on retries: why the last attempt failed; 1 kB at most"),
)
