"""Reading a JWK Set: what can verify is taken, everything else is skipped, and nothing breaks it."""

import hashlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources.key_set.allowance import Allowance
from connectors.sources.key_set.freshness import DEFAULT, LONGEST, SHORTEST, lifetime
from connectors.sources.key_set.keys import UnusableKeySetError, read_key, read_key_set
from tests.fixtures.asymmetric import ED25519, OTHER_ED25519, base64url, key_set, rsa_sender

ED, RSA = ED25519.jwk, rsa_sender().jwk

RFC_8037_KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
RFC_7638_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3"
    "oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
    "qMQvRL"
    "5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


@pytest.mark.parametrize(
    ("jwk", "thumbprint"),
    [
        (RFC_8037_KEY, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        (RFC_7638_KEY, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
    ],
    ids=["RFC 8037, appendix A.3", "RFC 7638, section 3.1"],
)
def test_a_thumbprint_is_the_one_of_the_rfc_and_the_digest_of_what_is_kept(
    jwk: dict[str, str], thumbprint: str
) -> None:
    key = read_key(jwk)
    assert key is not None
    assert key.thumbprint == thumbprint
    assert base64url(hashlib.sha256(key.jwk.encode()).digest()) == thumbprint


@pytest.mark.parametrize(
    "bound", [{}, {"alg": "EdDSA"}, {"alg": "Ed25519"}, {"use": "sig"}, {"key_ops": ["verify"]}, {"x5c": 5, "new": {}}]
)
def test_a_key_is_taken_however_it_says_what_it_is_for(bound: dict[str, Any]) -> None:
    assert read_key({**RFC_8037_KEY, **bound}) is not None


@pytest.mark.parametrize(
    "entry",
    [
        None, 5, "key", [], {}, {"kty": "oct", "k": "AAAA"}, {"kty": ["OKP"]}, {"kty": "EC", "crv": "P-256"},
        {**ED, "crv": "X25519"}, {**ED, "crv": "Ed448"}, {**ED, "crv": None}, {**ED, "x": "AAAA"}, {**ED, "x": "!!"},
        {**ED, "x": ED["x"] + "="}, {**ED, "x": 5}, {**ED, "use": "enc"}, {**ED, "use": 5}, {**ED, "key_ops": ["sign"]},
        {**ED, "key_ops": "verify"}, {**ED, "alg": "HS256"}, {**ED, "alg": ["EdDSA"]}, {**ED, "alg": {}},
        {**ED, "d": base64url(bytes(range(32)))}, {**RSA, "alg": "PS256"}, {**RSA, "alg": "RS1"}, {**RSA, "use": "enc"},
        {**RSA, "n": ""}, {**RSA, "n": "AQAB"}, {**RSA, "n": RSA["n"] * 4}, {**RSA, "n": RSA["n"][:171]},
        {**RSA, "e": ""}, {**RSA, "e": "A" * 400},
        {**RSA, "e": "AQ"}, {**RSA, "e": "Ag"}, {**RSA, "n": "A" * 342}, {**RSA, "d": "AQAB"},
    ],
)  # fmt: skip
def test_what_cannot_or_must_not_verify_is_skipped(entry: Any) -> None:
    assert read_key(entry) is None
    assert [key.kid for key in read_key_set(key_set(entry, ED)).keys] == ["ed-1"]


def test_names_may_be_missing_odd_or_given_twice() -> None:
    other = rsa_sender("other").jwk
    keys = read_key_set(key_set({**ED, "kid": 5}, {**RSA, "kid": "a"}, {**other, "kid": "a"}, {**RSA, "kid": "a"}))
    assert [key.kid for key in keys.keys] == [None, "a", "a"]
    assert len(keys.rsa("a")) == 2
    assert keys.rsa("b") == ()
    assert len(keys.ed25519) == 1


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "no key set"),
        (b"{}", "no key set"),
        (b'{"keys":{}}', "no key set"),
        (b'{"keys":[]}', "no key to verify with"),
        (b'{"keys":[{"kty":"EC"}]}', "no key to verify with"),
        (key_set(*[ED] * 101), "101 keys"),
    ],
)
def test_what_is_no_key_set_is_refused_whole(document: bytes, said: str) -> None:
    with pytest.raises(UnusableKeySetError, match=said):
        read_key_set(document)


json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["OKP", "RSA", "Ed25519", "AQAB"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kty", "crv", "x", "n", "e", "use", "alg", "kid", "key_ops"]), inner)
    ),
)


@given(st.lists(json, max_size=4))
def test_entries_of_any_shape_are_skipped(entries: list[Any]) -> None:
    try:
        document = orjson.dumps({"keys": [*entries, OTHER_ED25519.jwk]})
    except TypeError:  # integers beyond 64 bits, lone surrogates
        return
    assert "ed-2" in {key.kid for key in read_key_set(document).keys}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, DEFAULT),
        ({"Cache-Control": "public"}, DEFAULT),
        ({"Cache-Control": "public, max-age=19800, must-revalidate"}, 19_800),
        ({"Cache-Control": 'Max-Age="600"'}, 600),
        ({"Cache-Control": "max-age=600", "Age": "100"}, 500),
        ({"Cache-Control": "max-age=600", "Age": "x"}, 600),
        ({"Cache-Control": "max-age=600", "Age": "900"}, SHORTEST),
        ({"Cache-Control": "max-age=600, max-age=300"}, 300),
        ({"Cache-Control": "max-age=0"}, SHORTEST),
        ({"Cache-Control": "max-age=600, no-cache"}, SHORTEST),
        ({"Cache-Control": "no-store"}, SHORTEST),
        ({"Cache-Control": "max-age=31536000"}, LONGEST),
        ({"Cache-Control": "max-age=-5"}, DEFAULT),
        ({"Cache-Control": "max-age=" + "9" * 5000}, DEFAULT),
        ({"Cache-Control": "s-maxage=5"}, DEFAULT),
    ],
)
def test_an_answer_is_fresh_as_long_as_it_says_within_bounds(headers: dict[str, str], seconds: float) -> None:
    assert lifetime(headers) == seconds


def test_an_allowance_is_a_burst_and_then_one_per_pause() -> None:
    allowance = Allowance(burst=2, pause=10.0)
    assert [allowance.take(at) for at in (0.0, 0.0, 0.0, 9.0, 10.0, 10.0, 1000.0, 1000.0, 1000.0)] == [
        True, True, False, False, True, False, True, True, False,
    ]  # fmt: skip
