"""What is sent: the event's bytes, its attributes as headers, a signature over both, and what the author added."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook

from connectors.api import BadRecordError, Delivery, DeliveryKey
from connectors.destinations.http import HttpConfig, HttpDestination, HttpOptions
from connectors.destinations.http.body import BodyTemplate
from connectors.destinations.http.signing import webhook_id
from connectors.testing import BODIES, context, delivery
from schemas.identity import LIVE, DeliveryId, Run
from tests.fixtures.endpoint import Endpoint, Received, answers
from tests.fixtures.webhooks import OTHER_SECRET, SECRET
from tests.unit.connectors.destinations.http.conftest import Opened, failure

HOSTILE = 'caf\u00e9 "50%" \U0001f600\r\nX-Injected: 1\x00\x7f'


def with_event(original: Delivery[HttpOptions], **changes: Any) -> Delivery[HttpOptions]:
    return replace(original, event=replace(original.event, **changes))


async def test_the_body_is_the_events_own_bytes_with_their_media_type(
    endpoint: Endpoint, target: HttpDestination
) -> None:
    for body in BODIES.values():
        await target.deliver_one(with_event(delivery(HttpOptions(), body=body), content_type="text/x-odd; charset=x"))
        assert endpoint.received[-1].body == body
        assert endpoint.received[-1].header("content-type") == "text/x-odd; charset=x"
    assert endpoint.received[0].method == "POST"
    assert endpoint.received[0].target == "/hooks/only-the-sender-knows-this"


async def test_an_event_without_a_media_type_is_given_none(endpoint: Endpoint, target: HttpDestination) -> None:
    await target.deliver_one(delivery(HttpOptions()))
    assert endpoint.received[0].header("content-type") is None


async def test_bytes_that_came_compressed_are_still_said_to_be(endpoint: Endpoint, target: HttpDestination) -> None:
    await target.deliver_one(with_event(delivery(HttpOptions()), headers=(("content-encoding", "gzip"),)))
    assert endpoint.received[0].header("content-encoding") == "gzip"
    template = HttpOptions(body=BodyTemplate("{{ id }}"))
    await target.deliver_one(with_event(delivery(template), headers=(("content-encoding", "gzip"),)))
    assert endpoint.received[1].header("content-encoding") is None


async def test_a_signed_url_is_sent_as_it_is_written(endpoint: Endpoint, opened: Opened) -> None:
    path = "/in/%7Eshop/a%2Fb//?sig=a%2Bb%3D%3d&x=(1)&y="
    target = await opened(url=f"http://127.0.0.1:{endpoint.port}{path}", method="PUT")
    await target.deliver_one(delivery(HttpOptions()))
    assert (endpoint.received[0].method, endpoint.received[0].target) == ("PUT", path)


async def test_a_user_in_the_url_becomes_basic_authorization(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(url=f"http://us%C3%A9r:p%40ss@127.0.0.1:{endpoint.port}/")
    await target.deliver_one(delivery(HttpOptions()))
    expected = base64.b64encode("us\u00e9r:p@ss".encode()).decode()
    assert endpoint.received[0].header("authorization") == f"Basic {expected}"
    assert endpoint.received[0].header("host") == f"127.0.0.1:{endpoint.port}"


# -- CloudEvents


def parsed(request: Received) -> Any:
    return from_binary(HTTPMessage(dict(request.headers), request.body), JSONFormat())


async def test_the_cloudevents_sdk_reads_the_event(endpoint: Endpoint, target: HttpDestination) -> None:
    event = with_event(
        delivery(HttpOptions(), "evt 50 % \u00e9", subject='a "b" \U0001f600', source="gemini"),
        time=datetime(2026, 2, 3, 4, 5, 6, 789000, UTC),
        content_type="application/json",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    await target.deliver_one(event)
    read = parsed(endpoint.received[0])
    assert (read.get_specversion(), read.get_source()) == ("1.0", "gemini")
    assert (read.get_id(), read.get_type(), read.get_subject()) == (
        event.event.id,
        event.event.type,
        event.event.subject,
    )
    assert (read.get_time(), read.get_datacontenttype()) == (event.event.time, "application/json")
    assert read.get_extension("traceparent") == event.event.traceparent
    assert read.get_data() == event.json()


async def test_attributes_the_event_lacks_are_not_sent(endpoint: Endpoint, target: HttpDestination) -> None:
    await target.deliver_one(delivery(HttpOptions(), subject=None))
    sent = {name for name, _ in endpoint.received[0].headers if name.startswith("ce-")}
    assert sent == {"ce-specversion", "ce-id", "ce-source", "ce-type"}


async def test_without_cloudevents_no_attribute_is_sent(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(cloudevents=False)
    await target.deliver_one(delivery(HttpOptions()))
    assert not [name for name, _ in endpoint.received[0].headers if name.startswith("ce-")]


async def test_no_event_can_add_a_header(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(headers={"X-For": "{{ metadata.team }} of {{ subject | upper }}"})
    await target.deliver_one(
        delivery(HttpOptions(), HOSTILE, type=HOSTILE, subject=HOSTILE, metadata={"team": HOSTILE})
    )
    request = endpoint.received[0]
    assert request.header("x-injected") is None
    encoded = "caf%C3%A9%20%2250%25%22%20%F0%9F%98%80%0D%0AX-Injected:%201%00%7F"
    assert [request.header(f"ce-{name}") for name in ("id", "type", "subject")] == [encoded] * 3
    assert parsed(request).get_subject() == HOSTILE
    x_for = request.header("x-for")
    assert x_for is not None
    assert x_for.startswith(encoded + " of CAF")
    assert all(value.isascii() and value.isprintable() for _, value in request.headers)


# -- Standard Webhooks


async def test_an_attempt_is_signed_with_every_secret(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(secrets=[SECRET, "", OTHER_SECRET])
    for body in (b"{}", "caf\u00e9".encode(), b""):
        await target.deliver_one(delivery(HttpOptions(), body=body))
        request = endpoint.received[-1]
        for secret in (SECRET, OTHER_SECRET):
            Webhook(secret).verify(request.body, dict(request.headers), json_parse=False)
    signature = endpoint.received[0].header("webhook-signature")
    assert signature is not None
    assert len(signature.split(" ")) == 2


async def test_the_id_is_the_deliverys_and_equal_on_every_attempt(endpoint: Endpoint, target: HttpDestination) -> None:
    first = delivery(HttpOptions(), "evt.1")
    endpoint.scripts.append(answers(500))
    await failure(target, id="evt.1")
    again = replace(first, attempt=2, key=DeliveryKey(first.key.id, Run("r1")))
    await target.deliver_one(again)
    ids = {request.header("webhook-id") for request in endpoint.received}
    assert ids == {first.key.id.replace(".", "%2E")}


async def test_the_timestamp_is_the_attempts(endpoint: Endpoint, tmp_path: Path) -> None:
    now = datetime(2026, 1, 22, 12, 0, 0, 999_999, tzinfo=UTC)
    config = HttpConfig.model_validate({"url": endpoint.url})
    target = HttpDestination(config, replace(context(tmp_path), clock=lambda: now))
    await target.open()
    await target.deliver_one(delivery(HttpOptions()))
    await target.close()
    assert endpoint.received[0].header("webhook-timestamp") == str(int(now.timestamp()))


async def test_without_secrets_it_is_named_and_not_signed(endpoint: Endpoint, target: HttpDestination) -> None:
    await target.deliver_one(delivery(HttpOptions()))
    request = endpoint.received[0]
    assert request.header("webhook-signature") is None
    assert request.header("webhook-id") == delivery(HttpOptions()).key.id


def test_a_long_id_is_named_by_its_digest() -> None:
    names = [
        webhook_id(DeliveryKey(DeliveryId("s/" + "x" * length + end), LIVE)) for length in (497, 498) for end in "ab"
    ]
    assert [len(name) for name in names] == [500, 500, 71, 71]
    assert all(name.startswith("sha256:") for name in names[2:])
    assert len(set(names)) == 4


# -- what the author adds


async def test_headers_are_sent_and_win_over_the_usual_ones(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(
        headers={
            "Authorization": "Bearer t0p",
            "content-type": "application/json",
            "User-agent": "mine",
            "X-Job": "job {{ subject }}",
            "X-Nothing": "{{ metadata.nothing }}",
        }
    )
    await target.deliver_one(with_event(delivery(HttpOptions()), content_type="text/plain"))
    request = endpoint.received[0]
    sent = [request.header(name) for name in ("authorization", "content-type", "user-agent", "x-job", "x-nothing")]
    assert sent == ["Bearer t0p", "application/json", "mine", "job batches/1", ""]


async def test_a_header_that_cannot_be_rendered_is_the_records_fault_and_no_secret(opened: Opened) -> None:
    target = await opened(headers={"X-Sum": "t0p-secret {{ 1 + subject }}"})
    error = await failure(target)
    assert isinstance(error, BadRecordError)
    assert "X-Sum" in str(error)
    assert "t0p" not in f"{error} {error.__cause__}"


async def test_a_header_that_no_server_takes_is_the_records_fault(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(headers={"X-All": "{{ body }}"})
    assert isinstance(await failure(target, body=b'"' + b"x" * 100_000 + b'"'), BadRecordError)
    assert endpoint.connections == 0


async def test_a_body_of_json_holds_whatever_an_event_says(endpoint: Endpoint, opened: Opened) -> None:
    body = {"text": "Job {{ subject }}", "to": ["{{ metadata.team }}", 1, True, None], "{{ id }}": 2.5}
    target = await opened(body=body, secrets=[SECRET])
    text = 'x", "admin": "true'
    await target.deliver_one(with_event(delivery(HttpOptions(), subject=text), content_type="text/plain"))
    request = endpoint.received[0]
    assert orjson.loads(request.body) == {"text": "Job " + text, "to": ["", 1, True, None], "{{ id }}": 2.5}
    assert request.header("content-type") == "application/json"
    Webhook(SECRET).verify(request.body, dict(request.headers))


async def test_the_body_of_the_route_wins(endpoint: Endpoint, opened: Opened) -> None:
    target = await opened(body={"a": 1})
    await target.deliver_one(delivery(HttpOptions(body=BodyTemplate("caf\u00e9 {{ id }}"))))
    assert endpoint.received[0].body == "caf\u00e9 evt-1".encode()
    assert endpoint.received[0].header("content-type") == "text/plain; charset=utf-8"


async def test_a_body_that_cannot_be_rendered_is_the_records_fault(target: HttpDestination) -> None:
    for template in ({"a": "{{ 1 + subject }}"}, "{{ '\ud800' }}", ["{{ '\ud800' }}"]):
        assert isinstance(await failure(target, HttpOptions(body=BodyTemplate(template))), BadRecordError)
