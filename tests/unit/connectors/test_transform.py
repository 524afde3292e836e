"""What a route's ``transform`` makes of a delivery: connectors see and send it, and the event stays as it was."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.api import BadRecordError, Delivery, Expression, Options, Template
from connectors.destinations.database.rows import COLUMNS, row_of
from connectors.destinations.http.config import HttpConfig, HttpOptions
from connectors.destinations.http.request import RequestFactory
from connectors.testing.examples import delivery

BODY = b'{"data": {"id": "j-1", "size": 123456789012345678901234567890}, "secret": "s"}'


def transformed(expression: str, options: Options | None = None, body: bytes = BODY) -> Delivery[Any]:
    made = delivery(options or Options(), body=body, type="batch.failed", subject="batches/1")
    event = replace(made.event, content_type="text/json", headers=(("content-encoding", "x"), ("x-kind", "k")))
    return replace(made, event=event, payload_member="data", transform=Expression(expression))


def test_data_is_what_the_expression_makes_of_the_document_and_the_rest_stays() -> None:
    one = transformed('{job: data.id, state: type, about: subject, kind: headers."x-kind"}')
    assert one.document["data"] == {"job": "j-1", "state": "batch.failed", "about": "batches/1", "kind": "k"}
    assert one.document["body"] == orjson.loads(BODY) | {"data": {"id": "j-1", "size": 123456789012345678901234567890}}
    assert Template("{{ data.job }} {{ body.data.id }} {{ type }}").render(one.document) == "j-1 j-1 batch.failed"
    assert sorted(one.document) == sorted(dict(one.document))
    assert one.body == BODY


def test_what_is_sent_on_is_the_transformed_data_with_its_own_type_and_digest() -> None:
    one = transformed("data.size")
    assert (one.sent.body, one.sent.content_type) == (b"123456789012345678901234567890", "application/json")
    assert one.sent.headers == (("x-kind", "k"),)
    assert one.sent.digest != one.event.digest
    assert (one.sent.id, one.sent.source, one.sent.subject) == (one.event.id, one.event.source, one.event.subject)


def test_without_a_transform_what_is_sent_on_is_the_event() -> None:
    one = delivery(Options())
    assert one.sent is one.event


def test_what_the_expression_does_not_find_is_null() -> None:
    assert transformed("{a: data.nothing}").document["data"] == {"a": None}
    assert transformed("nothing.at.all").sent.body == b"null"


@pytest.mark.parametrize("expression", ["abs(type)", "join(',', data)", "to_number(data.id) > length(`5`)"])
def test_an_expression_that_cannot_be_applied_makes_a_bad_record(expression: str) -> None:
    one = transformed(expression)
    for look in (lambda: one.document, lambda: one.sent):
        with pytest.raises(BadRecordError, match="cannot be applied"):
            look()


def test_an_event_without_json_can_be_transformed_too() -> None:
    assert transformed("{id: id, data: data}", body=b"\xff").document["data"] == {"id": "evt-1", "data": None}


def test_a_row_has_the_transformed_data() -> None:
    row = dict(zip(COLUMNS, row_of(transformed("{job: data.id}")), strict=True))
    assert (row["data"], row["type"]) == ('{"job":"j-1"}', "batch.failed")


def test_a_request_has_the_transformed_data(tmp_path: Path) -> None:
    config = HttpConfig.model_validate({"url": "http://127.0.0.1/x"})
    one = transformed("{job: data.id}", HttpOptions())
    request = RequestFactory(config).prepare(one, datetime(2026, 1, 1, tzinfo=UTC))
    assert request.body == b'{"job":"j-1"}'
    assert request.headers["Content-Type"] == "application/json"
    assert "Content-Encoding" not in request.headers
