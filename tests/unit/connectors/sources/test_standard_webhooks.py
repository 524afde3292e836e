"""Standard Webhooks ``v1``: what is accepted agrees with the reference package, and nothing malformed gets further."""

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from standardwebhooks import Webhook, WebhookVerificationError

from connectors.api import BadSignatureError, EventAttributes, MalformedRequestError
from connectors.sources.standard_webhooks import StandardWebhooksSource, StandardWebhooksVerifier
from tests.fixtures.webhooks import OTHER_SECRET, SECRET, context, request, signed_headers

NOW = datetime(2026, 1, 22, 12, 0, 0, tzinfo=UTC)
BODY = '{"type":"order.paid","timestamp":"2026-01-22T11:59:58Z","data":{"id":"o1"}}'


def verifier(*secrets: str, tolerance: timedelta = timedelta(minutes=5)) -> StandardWebhooksVerifier:
    return StandardWebhooksVerifier([SecretStr(secret) for secret in secrets or (SECRET,)], tolerance)


def source(**options: Any) -> StandardWebhooksSource:
    return StandardWebhooksSource(
        StandardWebhooksSource.config_model.model_validate({"secrets": [SECRET], **options}), context()
    )


def described(body: object, **options: Any) -> EventAttributes:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    (attributes,) = source(**options).describe(request(data, {"webhook-id": "msg_1"}))
    return attributes


def test_the_official_vector_is_accepted() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verified = verifier().verify(request(b'{"test": 2432232314}', headers), datetime.fromtimestamp(1614265330, UTC))
    assert verified.scheme == "standard-webhooks-v1"
    assert len(verified.key) == 16


@given(
    body=st.text(st.characters(codec="utf-8")),
    event_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
    key=st.binary(min_size=1, max_size=64),
)
def test_what_the_reference_package_signs_is_accepted(body: str, event_id: str, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    headers = signed_headers(body, NOW, secret=secret, event_id=event_id)
    verifier(secret).verify(request(body.encode(), headers), NOW)


@given(
    body=st.text(st.characters(codec="utf-8")),
    signature=st.one_of(
        st.just("right"), st.just("right wrong"), st.just("wrong right"), st.just("other-body"), st.just("other-id")
    ),
)
def test_the_reference_package_agrees_on_what_is_accepted(body: str, signature: str) -> None:
    now = datetime.now(UTC)
    headers = signed_headers(body, now)
    variants = {
        "right": headers["webhook-signature"],
        "wrong": "v1," + base64.b64encode(bytes(32)).decode(),
        "other-body": signed_headers(body + "x", now)["webhook-signature"],
        "other-id": signed_headers(body, now, event_id="msg_2")["webhook-signature"],
    }
    headers["webhook-signature"] = " ".join(variants[each] for each in signature.split(" "))
    reference = accepted_by_the_package(body, headers)
    try:
        verifier().verify(request(body.encode(), headers), now)
    except BadSignatureError:
        assert not reference
    else:
        assert reference


def accepted_by_the_package(body: str, headers: dict[str, str]) -> bool:
    try:
        Webhook(SECRET).verify(body, headers, json_parse=False)
    except WebhookVerificationError:
        return False
    return True


def test_during_a_rotation_old_and_new_secret_are_accepted_and_told_apart() -> None:
    both = verifier(SECRET, OTHER_SECRET)
    old = both.verify(request(BODY.encode(), signed_headers(BODY, NOW)), NOW)
    new = both.verify(request(BODY.encode(), signed_headers(BODY, NOW, secret=OTHER_SECRET)), NOW)
    assert old.key != new.key
    assert verifier(OTHER_SECRET, SECRET).verify(request(BODY.encode(), signed_headers(BODY, NOW)), NOW) == old


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), SECRET + "=="])
def test_prefix_and_padding_of_a_secret_are_optional(secret: str) -> None:
    verifier(secret).verify(request(BODY.encode(), signed_headers(BODY, NOW)), NOW)


def test_signatures_of_other_versions_are_skipped() -> None:
    headers = signed_headers(BODY, NOW)
    headers["webhook-signature"] = f"v1a,AAAA v2,zzz {headers['webhook-signature']} v1,not-base64!"
    verifier().verify(request(BODY.encode(), headers), NOW)


def test_a_signature_is_over_the_bytes_not_over_what_they_mean() -> None:
    with pytest.raises(BadSignatureError):
        verifier().verify(request(BODY.replace(":", ": ").encode(), signed_headers(BODY, NOW)), NOW)


def test_a_body_that_is_not_text_can_be_signed() -> None:
    body = b"\xff\xfe\x00"
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = hmac.digest(key, b"msg_1.%d." % int(NOW.timestamp()) + body, "sha256")
    headers = {**signed_headers("", NOW), "webhook-signature": "v1," + base64.b64encode(digest).decode()}
    verifier().verify(request(body, headers), NOW)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_timestamp_outside_the_tolerance_is_refused_in_either_direction(seconds: int) -> None:
    headers = signed_headers(BODY, NOW + timedelta(seconds=seconds))
    with pytest.raises(BadSignatureError, match="301 s"):
        verifier().verify(request(BODY.encode(), headers), NOW)
    verifier(tolerance=timedelta(seconds=301)).verify(request(BODY.encode(), headers), NOW)


@pytest.mark.parametrize(
    "timestamp", ["", "now", "-5", "+5", "1e9", "1_0", "1614265330.5", "\uff11\uff16", "9" * 16, "9" * 5000, "²", " 1"]
)
def test_a_timestamp_that_is_no_number_of_seconds_is_malformed(timestamp: str) -> None:
    with pytest.raises(MalformedRequestError):
        verifier().verify(request(b"", {**signed_headers("", NOW), "webhook-timestamp": timestamp}), NOW)


def test_a_timestamp_beyond_any_calendar_is_refused_without_an_error_of_ours() -> None:
    with pytest.raises(BadSignatureError):
        verifier().verify(request(b"", {**signed_headers("", NOW), "webhook-timestamp": "9" * 15}), NOW)


@pytest.mark.parametrize("signature", ["", " ", "v1", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "rubbish and more"])
def test_a_signature_header_of_another_form_is_malformed(signature: str) -> None:
    with pytest.raises(MalformedRequestError):
        verifier().verify(request(b"", {**signed_headers("", NOW), "webhook-signature": signature}), NOW)


@pytest.mark.parametrize("signature", ["v1,", "v1,é", "v1,====", "v2,AAAA", ",", "v1,AAAA,BBBB", "v1,A"])
def test_a_signature_that_cannot_be_right_is_refused(signature: str) -> None:
    with pytest.raises(BadSignatureError):
        verifier().verify(request(b"", {**signed_headers("", NOW), "webhook-signature": signature}), NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_security_header_that_is_missing_or_repeated_is_malformed(name: str) -> None:
    headers = tuple(signed_headers(BODY, NOW).items())
    without = tuple(header for header in headers if header[0] != name)
    with pytest.raises(MalformedRequestError, match=f"{name} is missing"):
        verifier().verify(request(BODY.encode(), without), NOW)
    twice = (*headers, *(header for header in headers if header[0] == name))
    with pytest.raises(MalformedRequestError, match=f"{name} is there more than once"):
        verifier().verify(request(BODY.encode(), twice), NOW)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", "hunter2!", "whsec_AAAA-_", "whsec_é", "whsec_A"])
def test_a_secret_that_is_not_base64_is_refused_at_load_and_not_shown(secret: str) -> None:
    with pytest.raises(ValidationError) as refused:
        StandardWebhooksSource.config_model.model_validate({"secrets": [SECRET, secret]})
    (error,) = refused.value.errors(include_input=False)
    assert error["loc"] == ("secrets",)
    assert "secret 2 of 2" in error["msg"]
    assert secret not in error["msg"].replace("whsec_ ", "").replace("whsec_;", "")


def test_secrets_that_are_all_empty_are_refused() -> None:
    with pytest.raises(ValidationError):
        StandardWebhooksSource.config_model.model_validate({"secrets": [""]})


def test_an_event_is_named_by_its_body_and_its_webhook_id() -> None:
    assert described(BODY.encode(), subject="data.id") == EventAttributes(
        type="order.paid", id="msg_1", subject="o1", time=datetime(2026, 1, 22, 11, 59, 58, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    "body",
    [
        b"", b"not json", b"\xef\xbb\xbf{}", b"\xff", b"[" * 100_000, b'{"type":"\\ud800"}', b"NaN", b"1e999",
        b"null", b"[1]", b'"text"', b'{"type":null}', b'{"type":{}}', b'{"type":""}', b'{"timestamp":5,"data":[]}',
        b'{"timestamp":"0001-01-01T00:00:00+05:00"}', b'{"timestamp":"2026-01-22"}', b'{"data":{"id":{}}}',
    ],
)  # fmt: skip
def test_a_body_that_names_nothing_has_the_fallback_type(body: bytes) -> None:
    assert described(body, subject="data.id") == EventAttributes(type="webhook", id="msg_1")


def test_a_number_as_subject_counts_as_its_digits() -> None:
    assert described({"type": "a", "data": {"id": 42}}, subject="data.id").subject == "42"


def test_a_subject_expression_that_is_none_is_reported_at_load() -> None:
    with pytest.raises(ValidationError, match="not a JMESPath expression"):
        StandardWebhooksSource.config_model.model_validate({"secrets": [SECRET], "subject": "data..id"})


async def test_every_sample_is_accepted_as_the_type_it_shows() -> None:
    sender = source()
    now = datetime.now(UTC)
    for event_type in sender.sample_types():
        body = orjson.dumps(sender.sample(event_type, now))
        received = request(body, dict(sender.sign(body, event_type=event_type, event_id="msg_9", now=now)))
        await sender.verify(received, now)
        (attributes,) = sender.describe(received)
        assert (attributes.type, attributes.id) == (event_type, "msg_9")
        assert attributes.time == now.replace(microsecond=0)
