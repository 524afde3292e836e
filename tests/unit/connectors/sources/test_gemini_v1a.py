"""``v1a``: the public vectors, the list form, and everything that must not pass."""

import base64
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import BadSignatureError, MalformedRequestError, VerificationError, Verified
from connectors.sources.gemini.v1a import SCHEME, read_signed
from connectors.sources.key_set.keys import KeySet, read_key_set
from tests.fixtures.asymmetric import ED25519, OTHER_ED25519, Ed25519Sender, key_set, rsa_sender
from tests.fixtures.webhooks import request

NOW = datetime(2026, 1, 22, 12, 0, 0, tzinfo=UTC)
BODY = b'{"type":"batch.succeeded","data":{"id":"batches/1"}}'
KEYS = read_key_set(key_set(rsa_sender().jwk, OTHER_ED25519.jwk, ED25519.jwk))
WRONG = "v1a," + base64.b64encode(bytes(64)).decode()
V1 = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

VECTOR_HEADERS = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_NOW = datetime.fromtimestamp(1614265330, UTC)


def matched(
    headers: dict[str, str] | tuple[tuple[str, str], ...],
    body: bytes = BODY,
    *,
    keys: KeySet = KEYS,
    now: datetime = NOW,
    tolerance: float = 300.0,
) -> Verified | None:
    return read_signed(request(body, headers), tolerance, now).matched(keys)


@pytest.mark.parametrize(
    ("seed", "signature"),
    [
        (
            base64.b64decode("VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="),
            "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==",
        ),
        (
            bytes(range(32)),
            "v1a,yoUrgEkc12aGqm0n4Sydmdz55xJfTz4AsAgieHFjmkR7LJtqVCZOQYzvvHjI5kAey+r4iaBGxTFRrl2iBQxtDQ==",
        ),
    ],
    ids=["of the Standard Webhooks library for Go", "of a seed of 00 to 1f"],
)
def test_the_vectors_are_accepted(seed: bytes, signature: str) -> None:
    keys = read_key_set(key_set(Ed25519Sender(seed).jwk))
    headers = {**VECTOR_HEADERS, "webhook-signature": signature}
    verified = matched(headers, VECTOR_BODY, keys=keys, now=VECTOR_NOW)
    assert verified == Verified(SCHEME, keys.keys[0].thumbprint, keys.keys[0].jwk)
    assert matched(headers, VECTOR_BODY + b" ", keys=keys, now=VECTOR_NOW) is None


@pytest.mark.parametrize("sender", [ED25519, OTHER_ED25519])
def test_every_published_key_is_tried(sender: Ed25519Sender) -> None:
    verified = matched(sender.headers(BODY, NOW))
    assert verified is not None
    assert verified.public_key == next(key.jwk for key in KEYS.keys if key.kid == sender.kid)


@given(body=st.binary(), event_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_any_bytes_can_be_signed(body: bytes, event_id: str) -> None:
    assert matched(ED25519.headers(body, NOW, event_id), body) is not None


@pytest.mark.parametrize(
    "listed", ["{right}", "{wrong} {right}", "{right} {wrong}", "{v1} v2,zzz {right} v1a,!! v1a,AAAA {v1}", " {right} "]
)
def test_one_right_signature_in_the_list_is_enough(listed: str) -> None:
    headers = ED25519.headers(BODY, NOW)
    headers["webhook-signature"] = listed.format(right=headers["webhook-signature"], wrong=WRONG, v1=V1)
    assert matched(headers) is not None


@pytest.mark.parametrize(
    "signature",
    ["v1a,", "v1a,AAAA", WRONG, V1, f"{V1} {WRONG}", "v2,AAAA", ",", "v1a,\xe9", "V1A,{right}", "v1,{right}",
     "v1a,{right}A"],
)  # fmt: skip
def test_a_signature_that_cannot_be_right_matches_no_key(signature: str) -> None:
    headers = ED25519.headers(BODY, NOW)
    encoded = headers["webhook-signature"].partition(",")[2]
    headers["webhook-signature"] = signature.format(right=encoded)
    assert matched(headers) is None


@pytest.mark.parametrize("signature", ["", "v1a", "AAAA", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"])
def test_a_header_of_another_form_is_malformed(signature: str) -> None:
    with pytest.raises(MalformedRequestError):
        matched({**ED25519.headers(BODY, NOW), "webhook-signature": signature})


@pytest.mark.parametrize("changed", [{"webhook-id": "msg_2"}, {"webhook-timestamp": str(int(NOW.timestamp()) + 1)}])
def test_id_and_timestamp_are_signed(changed: dict[str, str]) -> None:
    assert matched({**ED25519.headers(BODY, NOW), **changed}) is None


def test_a_key_of_another_kind_or_nobodys_matches_nothing() -> None:
    headers = ED25519.headers(BODY, NOW)
    assert matched(headers, keys=KeySet()) is None
    assert matched(headers, keys=read_key_set(key_set(rsa_sender().jwk))) is None
    assert matched(Ed25519Sender(bytes(32)).headers(BODY, NOW)) is None


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_replay_outside_the_tolerance_is_refused_before_any_key_is_asked(seconds: int) -> None:
    with pytest.raises(BadSignatureError, match="301 s"):
        matched(ED25519.headers(BODY, NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_header_that_is_missing_or_repeated_is_malformed(name: str) -> None:
    headers = tuple(ED25519.headers(BODY, NOW).items())
    with pytest.raises(MalformedRequestError, match="missing"):
        matched(tuple(header for header in headers if header[0] != name))
    with pytest.raises(MalformedRequestError, match="more than once"):
        matched((*headers, *headers))


def test_a_list_that_costs_many_checks_is_malformed() -> None:
    headers = ED25519.headers(BODY, NOW)
    right = headers["webhook-signature"]
    assert matched({**headers, "webhook-signature": " ".join([WRONG] * 3 + [right])}) is not None
    with pytest.raises(MalformedRequestError, match="4 at most"):
        matched({**headers, "webhook-signature": " ".join([WRONG] * 4 + [right])})


@given(
    st.text(st.characters(max_codepoint=255)), st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"])
)
def test_any_header_text_is_refused_and_never_a_fault(text: str, name: str) -> None:
    headers = ED25519.headers(BODY, NOW)
    if text == headers[name]:
        return
    with suppress(VerificationError):
        assert matched({**headers, name: text}) is None
