"""Dynamic Gemini webhooks end to end in one process: a real key server, the ingress, and what is stored as evidence."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.api import BadSignatureError, EventAttributes, KeysUnavailableError, MalformedRequestError
from connectors.sources.gemini import GeminiDynamicSource
from connectors.sources.key_set.cache import BURST
from hub.rules import parse
from schemas.document import Document
from schemas.event import Event
from tests.fixtures.asymmetric import AUDIENCE, ED25519, OTHER_ED25519, base64url, rsa_sender
from tests.fixtures.endpoint import Endpoint, answers
from tests.fixtures.ingress import NOW, Ingress, ingress
from tests.fixtures.key_servers import context, dynamic_source, publishes
from tests.fixtures.ports import free_port
from tests.fixtures.webhooks import request

RSA = rsa_sender()
BODY = (
    b'{"type":"batch.succeeded","timestamp":"2026-01-22T11:59:58Z",'
    b'"data":{"id":"batches/123"},"user_metadata":{"team":"a"}}'
)


@pytest.fixture
async def key_server() -> AsyncIterator[Endpoint]:
    async with Endpoint(otherwise=publishes(ED25519.jwk, RSA.jwk)) as endpoint:
        yield endpoint


def hub(key_server: Endpoint, **options: Any) -> Any:
    sources = {"gemini-jobs": (GeminiDynamicSource, {"jwks_url": key_server.url, **options})}
    return ingress(sources=sources, context=context)


# Which scheme


@pytest.mark.parametrize("scheme", ["auto", "v1a"])
async def test_a_v1a_signature_is_taken(key_server: Endpoint, scheme: str) -> None:
    verified = await dynamic_source(key_server, scheme=scheme).verify(request(BODY, ED25519.headers(BODY, NOW)), NOW)
    assert verified.scheme == "standard-webhooks-v1a"


@pytest.mark.parametrize("scheme", ["auto", "jwt"])
async def test_a_token_is_taken_where_its_audience_is_known(key_server: Endpoint, scheme: str) -> None:
    source = dynamic_source(key_server, scheme=scheme, audience=AUDIENCE)
    verified = await source.verify(request(BODY, RSA.headers(NOW)), NOW)
    assert verified.scheme == "gemini-jwt-rs256"


async def test_without_an_audience_no_token_is_taken_and_the_answer_names_the_option(key_server: Endpoint) -> None:
    with pytest.raises(BadSignatureError, match="`audience`"):
        await dynamic_source(key_server).verify(request(BODY, RSA.headers(NOW)), NOW)
    assert not key_server.received


@pytest.mark.parametrize(
    ("scheme", "headers"), [("v1a", RSA.headers(NOW)), ("jwt", ED25519.headers(BODY, NOW))], ids=["v1a", "jwt"]
)
async def test_a_source_takes_its_scheme_and_no_other(
    key_server: Endpoint, scheme: str, headers: dict[str, str]
) -> None:
    options = {"audience": AUDIENCE} if scheme == "jwt" else {}
    with pytest.raises(MalformedRequestError, match="this source takes"):
        await dynamic_source(key_server, scheme=scheme, **options).verify(request(BODY, headers), NOW)


@pytest.mark.parametrize(
    "signature",
    [
        f"{RSA.headers(NOW)['webhook-signature']} {ED25519.headers(b'x', NOW)['webhook-signature']}",
        f"v1a,{RSA.headers(NOW)['webhook-signature']}",
        f"Bearer {RSA.headers(NOW)['webhook-signature']}",
        f"{RSA.headers(NOW)['webhook-signature']},",
    ],
    ids=["both", "token as v1a", "bearer", "token with a comma"],
)
async def test_a_mixture_of_forms_passes_by_neither(key_server: Endpoint, signature: str) -> None:
    source = dynamic_source(key_server, audience=AUDIENCE)
    with pytest.raises((BadSignatureError, MalformedRequestError)):
        await source.verify(request(BODY, {**RSA.headers(NOW), "webhook-signature": signature}), NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
async def test_a_token_needs_the_other_headers_too(key_server: Endpoint, name: str) -> None:
    source = dynamic_source(key_server, audience=AUDIENCE)
    headers = RSA.headers(NOW)
    del headers[name]
    with pytest.raises(MalformedRequestError, match=f"{name} is missing"):
        await source.verify(request(BODY, headers), NOW)


async def test_a_replayed_token_is_refused_by_its_timestamp(key_server: Endpoint) -> None:
    source = dynamic_source(key_server, audience=AUDIENCE)
    headers = {**RSA.headers(NOW), "webhook-timestamp": str(int(NOW.timestamp()) - 301)}
    with pytest.raises(BadSignatureError, match="301 s old"):
        await source.verify(request(BODY, headers), NOW)


# Keys


async def test_a_rotation_refuses_no_valid_event(key_server: Endpoint) -> None:
    source = dynamic_source(key_server)
    old, new = ED25519.headers(BODY, NOW), OTHER_ED25519.headers(BODY, NOW)
    await source.verify(request(BODY, old), NOW)
    key_server.otherwise = publishes(OTHER_ED25519.jwk)
    for headers in (new, old, new):
        await source.verify(request(BODY, headers), NOW)
    assert len(key_server.received) == 2


async def test_an_outage_of_the_key_server_is_503_and_known_keys_still_verify(key_server: Endpoint) -> None:
    async with hub(key_server) as app:
        assert (await send(app, ED25519.headers(BODY, NOW, "msg_1"))).status == 202
        key_server.otherwise = answers(500)
        answer = await send(app, OTHER_ED25519.headers(BODY, NOW, "msg_2"))
        assert (answer.status, answer.json()["error"]) == (503, "keys-unavailable")
        assert answer.headers["retry-after"]
        assert (await send(app, ED25519.headers(BODY, NOW, "msg_3"))).status == 202


async def test_without_any_key_every_signature_is_503() -> None:
    source = dynamic_source(f"http://127.0.0.1:{free_port()}/jwks.json")
    with pytest.raises(KeysUnavailableError):
        await source.verify(request(BODY, ED25519.headers(BODY, NOW)), NOW)


@pytest.mark.parametrize("scheme", ["v1a", "jwt"])
async def test_a_flood_of_garbage_asks_the_key_server_a_handful_of_times(key_server: Endpoint, scheme: str) -> None:
    source = dynamic_source(key_server, audience=AUDIENCE)
    for number in range(300):
        if scheme == "v1a":
            garbage = base64.b64encode(hashlib.sha512(b"%d" % number).digest()).decode()
            headers = {**ED25519.headers(BODY, NOW), "webhook-signature": f"v1a,{garbage}"}
        else:
            headers = RSA.headers(NOW, RSA.token({**RSA.header(), "kid": f"unknown-{number}"}, RSA.claims(NOW)))
        with pytest.raises(BadSignatureError):
            await source.verify(request(BODY, headers), NOW)
    assert 1 <= len(key_server.received) <= BURST + 1  # the test may take longer than one pause
    await source.verify(request(BODY, ED25519.headers(BODY, NOW)), NOW)


async def test_a_key_server_inside_is_refused_at_the_start_unless_allowed(key_server: Endpoint) -> None:
    config = GeminiDynamicSource.config_model.model_validate({"jwks_url": key_server.url})
    with pytest.raises(ValueError, match="HUB_ALLOW_PRIVATE=1"):
        await GeminiDynamicSource(config, context(allow_private=False)).open()
    source = GeminiDynamicSource(config, context())
    await source.open()
    await source.verify(request(BODY, ED25519.headers(BODY, NOW)), NOW)
    await source.close()


# Evidence


async def send(app: Ingress, headers: dict[str, str], body: bytes = BODY, path: str = "/in/gemini-jobs") -> Any:
    return await app.request(path, headers.items(), [body])


def holds(event: Event) -> bool:
    """What an auditor does years later, with the stored event and nothing else."""
    headers, evidence = dict(event.headers), event.verified
    jwk = json.loads(evidence["public_key"])
    assert evidence["key"] == base64url(hashlib.sha256(evidence["public_key"].encode()).digest())
    if evidence["scheme"] == "standard-webhooks-v1a":
        key = Ed25519PublicKey.from_public_bytes(decoded(jwk["x"]))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + event.body
        key.verify(base64.b64decode(headers["webhook-signature"].removeprefix("v1a,")), signed)
    else:
        numbers = RSAPublicNumbers(*(int.from_bytes(decoded(jwk[name])) for name in ("e", "n")))
        content, _, signature = headers["webhook-signature"].rpartition(".")
        numbers.public_key().verify(decoded(signature), content.encode(), padding.PKCS1v15(), SHA256())
    return True


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def test_a_stored_event_can_be_verified_again_from_itself_alone(key_server: Endpoint) -> None:
    async with hub(key_server, audience=AUDIENCE) as app:
        for headers in (ED25519.headers(BODY, NOW, "msg_1"), RSA.headers(NOW, event_id="msg_2")):
            assert (await send(app, headers)).status == 202
        assert [event.verified["scheme"] for event in app.writer.events] == [
            "standard-webhooks-v1a",
            "gemini-jwt-rs256",
        ]
        assert all(holds(event) for event in app.writer.events)


# What is in an event


async def test_an_event_is_named_as_those_of_static_webhooks_are(key_server: Endpoint) -> None:
    (attributes,) = dynamic_source(key_server).describe(request(BODY, ED25519.headers(BODY, NOW)))
    assert attributes == EventAttributes(
        type="batch.succeeded",
        id="msg_1",
        subject="123",
        time=datetime(2026, 1, 22, 11, 59, 58, tzinfo=UTC),
        metadata={"team": "a"},
    )


async def test_the_endpoint_of_a_jobs_uri_is_on_the_event_and_rules_match_it(key_server: Endpoint) -> None:
    async with hub(key_server) as app:
        for event_id, path in (("msg_1", "/in/gemini-jobs/agents/research"), ("msg_2", "/in/gemini-jobs")):
            assert (await send(app, ED25519.headers(BODY, NOW, event_id), path=path)).status == 202
        addressed, plain = app.writer.events
    assert (addressed.endpoint, plain.endpoint) == ("agents/research", "")
    pattern = parse({"source": ["gemini-jobs"], "endpoint": [{"prefix": "agents/"}], "metadata": {"team": ["a"]}})
    assert pattern.matches(Document(addressed))
    assert not pattern.matches(Document(plain))


latin1 = st.text(st.characters(max_codepoint=255), max_size=120)
part = st.text("ABCabc019-_=+/", max_size=90)
forms = latin1 | part.map("v1a,{}".format) | st.tuples(part, part, part).map(".".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    signature=forms, event_id=latin1, timestamp=st.just(str(int(NOW.timestamp()))) | latin1, body=st.binary(max_size=9)
)
async def test_any_header_text_is_refused_with_4xx(
    key_server: Endpoint, signature: str, event_id: str, timestamp: str, body: bytes
) -> None:
    headers = {"webhook-id": event_id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    async with hub(key_server, audience=AUDIENCE) as app:
        answer = await send(app, headers, body)
        assert 400 <= answer.status < 500, answer.body
        assert not app.writer.written


# Configuration


def test_nothing_has_to_be_configured() -> None:
    config = GeminiDynamicSource.config_model.model_validate({})
    assert config.jwks_url == "https://generativelanguage.googleapis.com/.well-known/jwks.json"
    assert config.scheme == "auto"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"scheme": "jwt"}, "with `scheme: jwt`, name the audience"),
        ({"scheme": "jwt", "audience": ""}, "with `scheme: jwt`, name the audience"),
        ({"audience": ""}, "is empty"),
        ({"issuer": ""}, "is empty"),
        ({"scheme": "v1a", "audience": "x"}, "`scheme: v1a` takes none"),
        ({"scheme": "v1a", "issuer": "x"}, "`scheme: v1a` takes none"),
        ({"scheme": "hs256"}, "Input should be"),
        ({"jwks_url": "http://keys.example/jwks.json"}, "use https"),
        ({"jwks_url": "http://10.0.0.1/jwks.json"}, "use https"),
        ({"jwks_url": "http://127.0.0.1.example/"}, "use https"),
        ({"jwks_url": "file:///etc/passwd"}, "not a URL of keys"),
        ({"jwks_url": "https://user:password@keys.example/"}, "not a URL of keys"),
        ({"jwks_url": "https://keys.example/#a"}, "not a URL of keys"),
        ({"jwks_url": "https://keys.example:x/"}, "not a URL of keys"),
        ({"jwks_url": "https://"}, "not a URL of keys"),
        ({"jwks_url": "https://[::1"}, "not a URL of keys"),
        ({"jwks_url": ""}, "not a URL of keys"),
    ],
)
def test_a_configuration_that_cannot_be_right_says_what_would_be(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        GeminiDynamicSource.config_model.model_validate(options)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_http_is_for_this_machine(host: str) -> None:
    GeminiDynamicSource.config_model.model_validate({"jwks_url": f"http://{host}:8931/.well-known/jwks.json"})


def test_a_body_of_any_shape_is_named() -> None:
    source = dynamic_source("https://keys.example/")
    for body in (b"", b"[]", b'{"data":5}', orjson.dumps({"type": 5, "data": {"id": []}})):
        assert source.describe(request(body, {}))[0].type
