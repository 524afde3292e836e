"""GitHub webhooks: the signature over the raw body, and names from headers and body."""

from datetime import UTC, datetime

import orjson
import pytest

from connectors.api import BadSignatureError, EventAttributes, MalformedRequestError
from connectors.sources.github import GithubSource
from tests.fixtures.webhooks import context, request

NOW = datetime(2026, 1, 22, tzinfo=UTC)
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
"""Secret, body and signature as in docs.github.com, "Testing the webhook payload validation"."""


def github(*secrets: str) -> GithubSource:
    config = GithubSource.config_model.model_validate({"secrets": list(secrets or (SECRET,))})
    return GithubSource(config, context("github"))


async def test_the_official_vector_is_accepted() -> None:
    verified = await github().verify(request(BODY, {"x-hub-signature-256": SIGNATURE}), NOW)
    assert verified.scheme == "github-hmac-sha256"


async def test_during_a_rotation_either_secret_is_accepted() -> None:
    await github("new", SECRET).verify(request(BODY, {"x-hub-signature-256": SIGNATURE}), NOW)
    await github(SECRET, "new").verify(request(BODY, {"x-hub-signature-256": SIGNATURE}), NOW)


async def test_another_body_or_secret_is_refused() -> None:
    with pytest.raises(BadSignatureError):
        await github().verify(request(BODY + b" ", {"x-hub-signature-256": SIGNATURE}), NOW)
    with pytest.raises(BadSignatureError):
        await github("new").verify(request(BODY, {"x-hub-signature-256": SIGNATURE}), NOW)


@pytest.mark.parametrize("signature", ["", "sha1=757107ea", SIGNATURE[:-1], SIGNATURE + "0", "sha256=" + "g" * 64])
async def test_a_signature_of_another_form_is_malformed(signature: str) -> None:
    with pytest.raises(MalformedRequestError):
        await github().verify(request(BODY, {"x-hub-signature-256": signature}), NOW)


async def test_a_signature_that_is_missing_or_repeated_is_malformed() -> None:
    with pytest.raises(MalformedRequestError):
        await github().verify(request(BODY, {}), NOW)
    with pytest.raises(MalformedRequestError):
        await github().verify(request(BODY, (("x-hub-signature-256", SIGNATURE),) * 2), NOW)


def test_an_event_is_named_by_event_and_action_and_is_about_its_repository() -> None:
    body = orjson.dumps({"action": "opened", "repository": {"full_name": "octocat/hello-world"}})
    headers = {"x-github-event": "issues", "x-github-delivery": "72d3162e"}
    (attributes,) = github().describe(request(body, headers))
    assert attributes == EventAttributes(type="issues.opened", id="72d3162e", subject="octocat/hello-world")


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"[]", b'{"repository":7,"action":{}}'])
def test_a_body_that_names_nothing_leaves_the_event_its_header(body: bytes) -> None:
    (attributes,) = github().describe(request(body, {"x-github-event": "push", "x-github-delivery": "1"}))
    assert attributes == EventAttributes(type="push", id="1")


def test_without_its_headers_an_event_has_the_fallback_type_and_no_id() -> None:
    (attributes,) = github().describe(request(b"{}", {}))
    assert attributes == EventAttributes(type="webhook")


async def test_every_sample_is_accepted_as_the_type_it_shows() -> None:
    sender = github()
    for event_type in sender.sample_types():
        body = orjson.dumps(sender.sample(event_type, NOW))
        received = request(body, dict(sender.sign(body, event_type=event_type, event_id="d-1", now=NOW)))
        await sender.verify(received, NOW)
        (attributes,) = sender.describe(received)
        assert (attributes.type, attributes.id, attributes.subject) == (event_type, "d-1", "octocat/hello-world")
