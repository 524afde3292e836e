"""Whatever a sender writes comes back from the log as it was."""

import gzip
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.gemini.events import sample
from hub.log import records
from hub.log.news import news_event
from hub.log.records import MalformedRecordError, NewerFormatError, UnencodableEventError
from hub.log.topics import HEADROOM
from schemas import generate
from schemas.archive import encode_line
from schemas.attributes import encode_text, truncate_text
from schemas.control import Control
from schemas.decision import DecidedDelivery, Decision
from schemas.delivery import DeliveryRecord
from schemas.event import Event
from schemas.headers import HEADERS, On
from schemas.identity import LIVE, DeliveryId, Run, delivery_id
from schemas.lane import Lane
from schemas.news import Happening, NewsItem, NewsType, Severity
from schemas.outcome import Outcome, OutcomeState
from schemas.report import DestinationReport, DestinationState, LaneReport, ProcessKind, ProcessReport, Waiting
from schemas.revision import AppliedBy, AppliedRevision

NOW = datetime(2026, 2, 3, 4, 5, 6, 789012, UTC)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True)
TIMES = st.timedeltas(timedelta(0), timedelta(days=365_000)).map(lambda age: datetime(1970, 1, 1, tzinfo=UTC) + age)
TEXT = st.text(max_size=100) | st.from_regex(r"[%0-9A-F\x00-\x20]{0,20}", fullmatch=True)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
EVENTS = st.builds(
    Event,
    source=NAMES,
    id=TEXT.filter(bool),
    type=TEXT.filter(bool),
    received=TIMES,
    digest=st.just(hashlib.sha256(b"").hexdigest()),
    body=st.binary(max_size=50),
    endpoint=TEXT,
    subject=st.none() | TEXT.filter(bool),
    time=st.none() | TIMES,
    content_type=st.none() | TEXT.filter(bool),
    metadata=st.dictionaries(TEXT, JSON, max_size=3),
    verified=st.dictionaries(TEXT, JSON, max_size=3),
    headers=st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple),
    traceparent=st.none() | TEXT.filter(bool),
)
ERRORS = st.text(max_size=100)


def event(**changes: Any) -> Event:
    body = b'{"n":1}'
    return replace(Event("gemini", "evt_1", "batch.succeeded", NOW, hashlib.sha256(body).hexdigest(), body), **changes)


def delivery(one: Event, **changes: Any) -> DeliveryRecord:
    name = delivery_id(one.source, one.id, one.digest, "all", "out")
    return replace(DeliveryRecord(one, name, "all", "out", "abc123"), **changes)


@given(EVENTS)
def test_an_event_comes_back_as_it_was(one: Event) -> None:
    record = records.encode_event(one)

    assert records.decode_event(record.headers, record.value) == one
    assert records.event_identity(record.headers) == (one.source, one.id)


@given(EVENTS)
def test_headers_are_what_cloudevents_allows(one: Event) -> None:
    """CloudEvents 1.0, Type System: no control characters, no noncharacters; UTF-8."""
    for name, value in records.encode_event(one).headers:
        for character in value.decode():
            assert character.isprintable() or ord(character) > 0x9F, (name, value)
            assert ord(character) & 0xFFFE != 0xFFFE
            assert not 0xFDD0 <= ord(character) <= 0xFDEF


@given(EVENTS, st.sampled_from([LIVE, Run("p7"), Run("r1")]), st.integers(0, 99), st.none() | TIMES, st.none() | ERRORS)
def test_a_delivery_comes_back_as_it_was(
    one: Event, run: Run, attempt: int, first: datetime | None, error: str | None
) -> None:
    sent = delivery(one, run=run, attempt=attempt, first_attempt=first, error=error)

    record = records.encode_delivery(sent)

    assert records.decode_delivery(record.headers, record.value) == sent
    assert records.decode_event(record.headers, record.value) == one


@given(EVENTS)
def test_what_route_writes_is_a_first_attempt(one: Event) -> None:
    stored = records.encode_event(one)
    expected = delivery(one)

    headers = records.delivery_headers(
        tuple(stored.headers), id=expected.id, route="all", destination="out", revision="abc123"
    )

    assert records.decode_delivery(headers, stored.value) == expected


@given(st.text(), st.text())
def test_two_texts_are_never_stored_alike(one: str, other: str) -> None:
    assert (encode_text("id", one) == encode_text("id", other)) == (one == other)


@pytest.mark.parametrize(
    ("text", "stored"),
    [("evt_1", b"evt_1"), ("50 %", b"50 %"), ("a\nb", b"a%0Ab"), ("a%0Ab", b"a%250Ab"), ("é ü", "é ü".encode())],
)
def test_ordinary_text_is_stored_as_it_is(text: str, stored: bytes) -> None:
    assert encode_text("id", text) == stored


def test_every_header_is_in_the_table_and_none_else() -> None:
    full = event(
        endpoint="jobs",
        subject="batches/1",
        time=NOW,
        content_type="application/json",
        metadata={"a": 1},
        verified={"scheme": "v1"},
        headers=(("webhook-id", "evt_1"),),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    dead = delivery(full, run=Run("r1"), attempt=3, first_attempt=NOW, error="Bad: x")

    def names(record: records.Record) -> list[str]:
        return sorted(name for name, _ in record.headers)

    everywhere = [header.name for header in HEADERS if header.on is not On.DELIVERIES]
    assert names(records.encode_event(full)) == sorted(everywhere)
    assert names(records.encode_delivery(dead)) == sorted(header.name for header in HEADERS)
    always = [header.name for header in HEADERS if header.always]
    assert names(records.encode_delivery(delivery(event()))) == sorted(always)


def test_the_record_of_an_event_has_its_key_and_the_time_it_was_received() -> None:
    assert records.encode_event(event(subject="s")).key == b"s"
    assert records.encode_event(event()).key == b"evt_1"
    assert records.encode_event(event()).timestamp_ms == int(NOW.timestamp() * 1000)


def test_times_are_stored_in_utc() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    headers = dict(records.encode_event(event(time=elsewhere)).headers)

    assert headers["ce_time"] == b"2026-02-03T04:05:06.789012Z"
    with pytest.raises(ValueError, match="no time zone"):
        records.encode_event(event(time=NOW.replace(tzinfo=None)))


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [
        ({"id": ""}, "id"),
        ({"type": ""}, "type"),
        ({"id": "x" * 4001}, "id"),
        ({"subject": "\n" * 1500}, "subject"),
        ({"type": "\ud800"}, "type"),
        ({"metadata": {"a": "x" * 8000}}, "metadata"),
        ({"metadata": {"a": object()}}, "metadata"),
        ({"metadata": {"a": "\ud800"}}, "metadata"),
        ({"verified": {"a": "x" * 8000}}, "evidence"),
        ({"headers": (("a", "x" * 16000),)}, "received headers"),
    ],
)
def test_what_cannot_be_stored_is_named(changes: dict[str, Any], attribute: str) -> None:
    with pytest.raises(UnencodableEventError, match=f"the event's {attribute} ") as caught:
        records.encode_event(event(**changes))
    assert caught.value.attribute == attribute


def test_all_headers_at_their_budgets_leave_room() -> None:
    """Everything a sender controls is at its largest, and a dead letter carries it all."""
    largest = "é" * 2000
    full = event(
        id=largest, type=largest, endpoint=largest, subject=largest, content_type=largest, traceparent=largest,
        metadata={"m": "x" * 7990}, verified={"v": "x" * 7990}, headers=(("h", "x" * 15990),),
    )  # fmt: skip
    record = records.encode_delivery(delivery(full, attempt=9, first_attempt=NOW, error="e" * 5000))

    size = len(record.key or b"") + sum(len(name) + len(value) + 4 for name, value in record.headers)

    assert size < HEADROOM / 2


@given(st.text(), st.integers(0, 60))
def test_an_error_is_cut_at_a_characters_boundary(text: str, budget: int) -> None:
    cut = truncate_text(text, budget)

    assert text.startswith(cut)
    assert len(encode_text("error", cut)) <= budget
    if len(cut) < len(text):
        assert len(encode_text("error", text[: len(cut) + 1])) > budget - 3


def test_an_error_may_hold_a_lone_surrogate() -> None:
    record = records.encode_delivery(delivery(event(), error="bad \ud800 bytes"))

    assert records.decode_delivery(record.headers, record.value).error == "bad ? bytes"


def test_a_newer_format_stops_and_a_foreign_record_is_malformed() -> None:
    headers = dict(records.encode_event(event()).headers)

    with pytest.raises(NewerFormatError, match="format 2"):
        records.decode_event(list({**headers, "ce_hubformat": b"2"}.items()), b"")
    for changed in (
        {"ce_hubformat": b"0"},
        {"ce_hubformat": b"x"},
        {"ce_hubreceived": b"yesterday"},
        {"ce_id": b"\xff"},
        {"ce_id": b"%FF"},
        {"ce_id": None},
        {"ce_hubmetadata": b"[]"},
        {"ce_hubheaders": b"[1]"},
    ):
        with pytest.raises(MalformedRecordError, match="not a hub's record"):
            records.decode_event(list({**headers, **changed}.items()), b"")  # type: ignore[arg-type]  # null headers exist
    with pytest.raises(MalformedRecordError, match="no value"):
        records.decode_event(list(headers.items()), None)
    with pytest.raises(MalformedRecordError, match="'ce_hubdelivery'"):
        records.decode_delivery(list(headers.items()), b"")
    with pytest.raises(MalformedRecordError):
        records.event_identity([])


def outcome(state: OutcomeState, error: str | None) -> Outcome:
    name = DeliveryId("gemini/evt_1~0123456789ab:all:out")
    return Outcome(name, Run("r1"), "all", "out", state, 2, 41, NOW, NOW, NOW, error, NOW, moved=True, lane=Lane.HIGH)


@given(st.sampled_from(list(OutcomeState)), st.none() | ERRORS)
def test_an_outcome_comes_back_as_it_was(state: OutcomeState, error: str | None) -> None:
    sent = outcome(state, error)

    record = records.encode_outcome(sent)

    assert record.key == sent.delivery.encode()
    assert records.decode_outcome(record.value) == sent


def test_a_control_comes_back_as_it_was() -> None:
    sent = Control("out", True, "ada", "it is \N{SNOWMAN}", NOW)

    record = records.encode_control(sent)

    assert (record.key, records.decode_control(record.value)) == (b"out", sent)


HAPPENING = Happening(NOW, "all", DeliveryId("x"))
NEWS = NewsItem(NewsType.DELIVERY_DEAD, Severity.ERROR, "out", 1, "A delivery died.", HAPPENING, HAPPENING)
WAITING = Waiting(DeliveryId("x"), Run("p1"), "s", NOW, 3, "in flight")


def report(oldest: Waiting | None) -> DestinationReport:
    lanes = (LaneReport(Lane.LOW, 3, 1, 70, oldest),)
    until = NOW if oldest else None
    return DestinationReport("out", "host:1", NOW, NOW, "rev", DestinationState.DOWN, "why", until, (0, 3), lanes)


@pytest.mark.parametrize("oldest", [None, WAITING])
def test_a_report_comes_back_as_it_was(oldest: Waiting | None) -> None:
    sent = report(oldest)

    record = records.encode_report(sent)

    assert record.key == records.report_key("out", "host:1")
    assert records.decode_report(record.value) == sent


def test_a_control_or_report_of_others_is_malformed() -> None:
    for decode in (records.decode_control, records.decode_report):
        for value in (None, b"", b"{}", b'{"format":1}', b'{"format":1,"destination":"x","paused":true,"at":"never"}'):
            with pytest.raises(MalformedRecordError):
                decode(value)


@given(TEXT, st.lists(NAMES, max_size=3))
def test_a_decision_comes_back_as_it_was(name: str, routes: list[str]) -> None:
    deliveries = tuple(DecidedDelivery(route, "out", DeliveryId(f"x:{route}:out")) for route in routes)
    sent = Decision("gemini", name, "0" * 64, 2**40, "abc", NOW, deliveries)

    record = records.encode_decision(sent, b"key")

    assert record.key == b"key"
    assert records.decode_decision(record.value) == sent


def test_a_ledger_of_a_newer_format_stops_and_a_foreign_one_is_malformed() -> None:
    for decode in (records.decode_decision, records.decode_outcome):
        with pytest.raises(NewerFormatError):
            decode(b'{"format":2}')
        for value in (None, b"", b"x", b"[]", b"{}", b'{"format":"1"}', b'{"format":1}', b'{"format":true,"x":1}'):
            with pytest.raises(MalformedRecordError):
                decode(value)


def test_a_long_error_of_an_outcome_is_cut() -> None:
    error = records.decode_outcome(records.encode_outcome(outcome(OutcomeState.DEAD, "é" * 5000)).value).error

    assert error == "é" * 500


@pytest.mark.parametrize(
    ("key", "hashed"),
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    [("21", -973932308), ("foobar", -790332482), ("a-little-bit-long-string", -985981536),
     ("a-little-bit-longer-string", -1486304829), ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
     ("abc", 479470107)],
)  # fmt: skip
def test_keys_go_where_every_kafka_client_puts_them(key: str, hashed: int) -> None:
    for partitions in (1, 8, 97):
        assert records.partition_for(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


def test_a_partition_is_chosen_by_the_bytes_of_the_key() -> None:
    key = records.encode_event(event(subject="50 %\n é")).key
    assert key is not None
    assert records.partition_for("50 %\n é", 97) == records.partition_for_bytes(key, 97)


PROCESS = ProcessReport(ProcessKind.WORKER, "host:1", NOW, "abc", NOW, "def", "hub.yaml:3: no")
REVISION = AppliedRevision("abc", None, AppliedBy.ROLLBACK, "def", "ada", "why", NOW, ("out",), {"hub.yaml": "é: 1"})


def test_revisions_and_what_processes_say_of_them_come_back_as_they_were() -> None:
    assert records.decode_revision(records.encode_revision(REVISION).value) == REVISION
    assert records.decode_process_report(records.encode_process_report(PROCESS).value) == PROCESS
    assert records.is_process_report(records.encode_process_report(PROCESS).key)
    assert not records.is_process_report(records.encode_report(report(WAITING)).key)


def test_a_revision_that_would_fill_the_memory_is_none() -> None:
    for value in (gzip.compress(b" " * 70_000_000), b"", b"{}", gzip.compress(b'{"format": 1}')):
        with pytest.raises(records.MalformedRecordError):
            records.decode_revision(value)


def test_the_schemas_for_other_languages_are_fresh() -> None:
    stored = {path.name: path.read_bytes() for path in generate.FOLDER.iterdir() if path.name != "hub-yaml.json"}
    assert stored == generate.documents(), "run python -m schemas.generate"


def test_what_is_written_fits_the_schemas(tmp_path: Path) -> None:
    generate.write(tmp_path)
    schemas = {path.name: orjson.loads(path.read_bytes()) for path in tmp_path.iterdir()}
    one = event(subject="s", metadata={"a": 1})
    decision = Decision("s", "i", "d", 1, "r", NOW, (DecidedDelivery("all", "out", DeliveryId("x")),))
    stored, sent = records.encode_event(one), records.encode_delivery(delivery(one, error="x"))
    values: dict[str, Any] = {
        "decision.json": orjson.loads(records.encode_decision(decision, b"").value or b""),
        "outcome.json": orjson.loads(records.encode_outcome(outcome(OutcomeState.DEAD, None)).value or b""),
        "control.json": orjson.loads(records.encode_control(Control("out", False, "ada", "", NOW)).value or b""),
        "report.json": orjson.loads(records.encode_report(report(WAITING)).value or b""),
        "process-report.json": orjson.loads(records.encode_process_report(PROCESS).value or b""),
        "revision.json": orjson.loads(gzip.decompress(records.encode_revision(REVISION).value or b"")),
        "news.json": orjson.loads(news_event(NEWS, "1", NOW).body),
        "event-headers.json": {name: value.decode() for name, value in stored.headers},
        "archived-event.json": orjson.loads(encode_line(one, "all", DeliveryId("x"), LIVE)),
        "gemini-event.json": sample("batch.failed", NOW),
        "delivery-headers.json": {name: value.decode() for name, value in sent.headers},
    }
    assert values.keys() == schemas.keys()
    for name, value in values.items():
        jsonschema.Draft202012Validator.check_schema(schemas[name])
        jsonschema.validate(value, schemas[name])
