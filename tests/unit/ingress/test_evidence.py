"""Which received headers are kept: an allow-list, within bounds, never credentials."""

import pytest

from hub.ingress.evidence import KeptHeaders, content_type, traceparent
from hub.ingress.refusal import RefusedError
from schemas.attributes import HEADERS_BUDGET, encode_json

SIGNED = frozenset({"webhook-id", "webhook-signature", "x-vendor-proof"})


def kept(*headers: tuple[str, str], max_bytes: int = HEADERS_BUDGET) -> list[tuple[str, str]]:
    return list(KeptHeaders(SIGNED, max_bytes).select(headers))


@pytest.mark.parametrize(
    "name",
    ["content-type", "user-agent", "webhook-id", "webhook-anything", "ce-type", "x-github-event", "x-gitlab-event",
     "x-shopify-topic", "x-github-delivery", "x-event-key", "x-slack-request-timestamp", "x-slack-signature",
     "x-twilio-signature", "x-hub-signature-256", "x-request-id", "traceparent", "x-vendor-proof"],
)  # fmt: skip
def test_what_names_an_event_is_kept(name: str) -> None:
    assert kept((name, "a"), (name, "b")) == [(name, "a"), (name, "b")]


@pytest.mark.parametrize(
    "name",
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-goog-api-key", "x-api-key", "x-gitlab-token",
     "x-auth-event", "x-session-event", "webhook-secret", "ce-authorization", "x-forwarded-for", "host", "accept",
     "content-length", "x-amz-security-token", "proxy-connection", "x-password-event", ""],
)  # fmt: skip
def test_what_may_carry_credentials_or_says_nothing_is_not_kept(name: str) -> None:
    assert kept((name, "a")) == []


def test_a_source_cannot_ask_for_credentials() -> None:
    assert KeptHeaders(frozenset({"authorization", "x-token"}), 1000).select((("authorization", "x"),)) == ()


@pytest.mark.parametrize("filler", ["a", "\xff", "\x00", '"'])
def test_what_is_kept_fits_its_budget_as_stored_and_signed_headers_go_first(filler: str) -> None:
    headers = (("x-a-event", filler * 12_000), ("webhook-signature", "s" * 5000), ("user-agent", "u"))
    chosen = kept(*headers)
    assert ("webhook-signature", "s" * 5000) in chosen
    assert ("user-agent", "u") in chosen
    assert chosen == [header for header in headers if header in chosen]
    encode_json("received headers", chosen, HEADERS_BUDGET)


def test_headers_that_just_fit_are_all_kept() -> None:
    headers = [("webhook-id", "x" * 10), ("user-agent", "y" * 20), ("date", "z")]
    exact = len(encode_json("received headers", headers, HEADERS_BUDGET))
    assert kept(*headers, max_bytes=exact) == headers
    assert kept(*headers, max_bytes=exact - 1) == headers[:2]


def test_signed_headers_that_do_not_fit_are_refused_rather_than_lost() -> None:
    with pytest.raises(RefusedError) as refused:
        kept(("webhook-signature", "s" * 17_000))
    assert refused.value.status == 431


def test_names_made_up_by_senders_do_not_fill_the_memory() -> None:
    headers = KeptHeaders(SIGNED, HEADERS_BUDGET)
    for number in range(5000):
        headers.select(((f"x-{number}", ""),))
    assert len(headers._known) <= 1000


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((), None),
        (("application/json",), "application/json"),
        (("text/plain; charset=utf-8",), "text/plain; charset=utf-8"),
        (("",), None),
        (("text/\xe9",), None),
        (("a\nb",), None),
        (("a" * 257,), None),
        (("a/b", "a/b"), None),
    ],
)
def test_a_media_type_is_carried_where_it_is_one(values: tuple[str, ...], found: str | None) -> None:
    assert content_type(tuple(("content-type", value) for value in values)) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later", True),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736", False),
        ("", False),
    ],
)
def test_a_trace_context_is_carried_where_it_is_one(value: str, found: bool) -> None:
    assert traceparent((("traceparent", value),)) == (value if found else None)
