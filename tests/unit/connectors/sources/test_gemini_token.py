"""RS256 tokens: the RFC's vector, and every known way to make a verifier believe a wrong one."""

import hmac
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from connectors.api import BadSignatureError, MalformedRequestError, VerificationError, Verified
from connectors.sources.gemini.token import SCHEME, Expected, read_token
from connectors.sources.key_set.keys import KeySet, read_key, read_key_set
from tests.fixtures.asymmetric import (
    AUDIENCE,
    ED25519,
    ISSUER,
    RsaSender,
    base64url,
    integer,
    key_set,
    rsa_sender,
)

NOW = datetime(2026, 1, 22, 12, 0, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
SENDER, STRANGER = rsa_sender(), rsa_sender("stranger")
KEYS = read_key_set(key_set(ED25519.jwk, SENDER.jwk))
EXPECTED = Expected(AUDIENCE, ISSUER, 300.0)


def matched(token: str, *, keys: KeySet = KEYS, expected: Expected = EXPECTED, now: datetime = NOW) -> Verified | None:
    return read_token(token).matched(keys, expected, now)


def token(
    header: dict[str, Any] | None = None, claims: dict[str, Any] | None = None, sender: RsaSender = SENDER
) -> str:
    """A right token, but for what is given; None as a value takes the member out."""
    return sender.token(_with(SENDER.header(), header), _with(SENDER.claims(NOW), claims))


def _with(members: dict[str, Any], changed: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in {**members, **(changed or {})}.items() if value is not None}


def test_a_right_token_is_accepted_and_says_by_which_key() -> None:
    key = read_key(SENDER.jwk)
    assert key is not None
    assert matched(token()) == Verified(SCHEME, key.thumbprint, key.jwk)


def test_the_vector_of_rfc_7515_is_signed_by_its_key() -> None:
    """Appendix A.2. It has no `kid` and no `aud`, so it is checked one level below."""
    n = (
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCg"
        "NMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665"
        "xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp"
        "oQ"
    )
    signed = (
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
        "fQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr"
        "7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12"
        "jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
        "Ge77Rw"
    )
    key = read_key({"kty": "RSA", "n": n, "e": "AQAB"})
    assert key is not None
    named = read_token(token())
    header, payload, signature = (part.encode() for part in signed.split("."))
    named.signature.segments.update({"header": header, "payload": payload, "signature": signature})
    assert named._made_by(key.key)
    assert not named._made_by(KEYS.rsa("rsa-1")[0].key)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": AT - 299}, {"nbf": AT + 300}, {"iat": AT + 300}, {"nbf": None, "iat": None}, {"exp": AT + 1.5},
        {"aud": [AUDIENCE]}, {"aud": ["other", AUDIENCE]}, {"jti": "1", "new": {"a": [1]}}, {"iat": AT - 90_000},
    ],
    ids=str,
)  # fmt: skip
def test_claims_within_the_tolerance_are_accepted(claims: dict[str, Any]) -> None:
    assert matched(token(claims=claims)) is not None


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": AT - 300}, {"exp": AT - 90_000}, {"exp": None}, {"exp": 0}, {"exp": str(AT + 60)}, {"exp": True},
        {"exp": []}, {"nbf": AT + 301}, {"nbf": "now"}, {"iat": AT + 301}, {"iat": {}},
        {"aud": None}, {"aud": ""}, {"aud": []}, {"aud": "projects/124"}, {"aud": AUDIENCE + "/"}, {"aud": [["a"]]},
        {"aud": {AUDIENCE: 1}}, {"aud": AUDIENCE.upper()}, {"aud": 5},
        {"iss": None}, {"iss": ""}, {"iss": "https://issuer.example/"}, {"iss": [ISSUER]}, {"iss": 5},
    ],
    ids=str,
)  # fmt: skip
def test_a_signed_token_for_another_time_or_another_receiver_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(BadSignatureError, match="not for now or not for us"):
        matched(token(claims=claims))


def test_any_issuer_is_accepted_where_none_is_configured() -> None:
    expected = Expected(AUDIENCE, None, 300.0)
    assert matched(token(claims={"iss": None}), expected=expected) is not None
    assert matched(token(claims={"iss": "anybody"}), expected=expected) is not None


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "9" * 400, "9" * 5000])
def test_an_expiry_that_is_no_time_is_refused_unless_it_is_a_number(number: str) -> None:
    claims = json.dumps({**SENDER.claims(NOW), "exp": "X"}).replace('"X"', number).encode()
    signed = SENDER.token(SENDER.header(), claims)
    if number == "9" * 400:
        assert matched(signed) is not None
    else:
        with pytest.raises(VerificationError):
            matched(signed)


def test_a_name_that_nobody_published_is_no_refusal_yet() -> None:
    assert matched(token({"kid": "rsa-2"})) is None
    assert matched(token({"kid": "ed-1"})) is None  # a key of that name, of another kind
    assert matched(token(), keys=KeySet()) is None


def test_a_strangers_signature_under_a_known_name_is_refused() -> None:
    with pytest.raises(BadSignatureError, match="did not sign"):
        matched(token(sender=STRANGER))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_with_one_letter_changed_is_refused(part: int) -> None:
    parts = token({"typ": None}).split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    with suppress(VerificationError):
        assert matched(".".join(parts)) is None  # the change may have hit its kid


def test_several_keys_of_one_name_are_all_tried() -> None:
    keys = read_key_set(key_set({**STRANGER.jwk, "kid": "rsa-1"}, SENDER.jwk))
    assert matched(token(), keys=keys) is not None


# What a token says about its key is ignored


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/jwks.json"}, {"x5u": "https://evil.example/cert.pem"},
        {"jwk": rsa_sender("stranger").jwk}, {"x5c": ["MIIB"] * 200}, {"x5t": "AAAA"}, {"typ": None}, {"typ": "at+jwt"},
        {"cty": "JWT"}, {"new": 1},
    ],
    ids=lambda header: next(iter(header)),
)  # fmt: skip
def test_what_a_token_says_beside_its_name_changes_nothing(header: dict[str, Any]) -> None:
    assert matched(token(header)) is not None
    with pytest.raises(BadSignatureError):
        matched(token(header, sender=STRANGER))


# Algorithm confusion


def _none(content: str) -> str:
    return f"{content}."


def _hs256(secret: bytes) -> Callable[[str], str]:
    return lambda content: f"{content}.{base64url(hmac.digest(secret, content.encode(), 'sha256'))}"


def _rsa(scheme: Any, digest: Any) -> Callable[[str], str]:
    return lambda content: f"{content}.{base64url(SENDER.private.sign(content.encode(), scheme, digest))}"


def _ed25519(content: str) -> str:
    return f"{content}.{base64url(ED25519.private.sign(content.encode()))}"


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "EdDSA", "RS512"])
def test_another_algorithm_is_refused_before_any_key_is_asked_for(algorithm: str) -> None:
    with pytest.raises(BadSignatureError, match="is not RS256"):
        read_token(token({"alg": algorithm}))


_PUBLIC = SENDER.private.public_key()
_PEM = _PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_DER = _PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_PSS = padding.PSS(padding.MGF1(SHA256()), 32)


@pytest.mark.parametrize(
    ("algorithm", "sign"),
    [
        ("none", _none), ("None", _none), ("nOnE", _none), ("", _none), ("RS256", _none),
        ("HS256", _hs256(_PEM)), ("HS256", _hs256(_PEM.strip())), ("HS256", _hs256(_DER)), ("HS256", _hs256(b"")),
        ("HS256", _hs256(json.dumps(SENDER.jwk).encode())), ("HS256", _hs256(SENDER.jwk["n"].encode())),
        ("RS256", _hs256(_PEM)), ("PS256", _rsa(_PSS, SHA256())), ("RS256", _rsa(_PSS, SHA256())),
        ("RS512", _rsa(padding.PKCS1v15(), SHA512())), ("RS256", _rsa(padding.PKCS1v15(), SHA512())),
        ("EdDSA", _ed25519), ("Ed25519", _ed25519), ("RS256", _ed25519), ("rs256", _rsa(padding.PKCS1v15(), SHA256())),
        (["RS256"], _rsa(padding.PKCS1v15(), SHA256())), (None, _rsa(padding.PKCS1v15(), SHA256())),
        ({"RS256": 1}, _none), (5, _none), ("ES256", _rsa(padding.PKCS1v15(), SHA256())),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("kid", ["rsa-1", "ed-1"])
def test_no_other_algorithm_passes_whatever_it_is_signed_with(
    algorithm: object, sign: Callable[[str], str], kid: str
) -> None:
    content = token({"alg": algorithm, "kid": kid}).rpartition(".")[0]
    try:
        assert matched(sign(content)) is None
        assert kid == "ed-1"
    except VerificationError:
        pass


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]}, {"crit": []}, {"crit": "b64"}, {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False}, {"b64": True}, {"crit": ["new"], "new": 1}, {"crit": [["a"]]}, {"crit": 5},
    ],
    ids=str,
)  # fmt: skip
def test_critical_extensions_are_refused(header: dict[str, Any]) -> None:
    with pytest.raises(VerificationError):
        matched(token(header))


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"RS256","alg":"RS256","kid":"rsa-1"}', b'{"alg":"none","alg":"RS256","kid":"rsa-1"}',
        b'{"alg":"RS256","kid":"other","kid":"rsa-1"}', b'{"alg":"RS256","kid":"rsa-1","x":{"a":1,"a":2}}',
        b'{"alg":"RS256"}', b'{"alg":"RS256","kid":""}', b'{"alg":"RS256","kid":5}', b'{"alg":"RS256","kid":null}',
        b"[]", b"5", b'"RS256"', b"null", b"", b"{}", b"\xff", b'{"alg":"RS256","kid":"rsa-1"}x', b"[" * 6000,
        b'{"alg":"RS256","kid":"rsa-1","x":' + b"[" * 6000, '{"alg":"RS256","kid":"rsa-1"}'.encode("utf-16"),
        b'\xef\xbb\xbf{"alg":"RS256","kid":"rsa-1"}', b'{"alg":"RS256","kid":"rsa-1","x":' + b"9" * 5000 + b"}",
        b'{"alg":"RS256","kid":"rsa-1","x":"' + b"y" * 8000 + b'"}',
    ],
    ids=lambda header: header[:48].decode("latin-1"),
)  # fmt: skip
def test_a_header_that_can_be_read_in_two_ways_or_none_is_refused(header: bytes) -> None:
    with pytest.raises(VerificationError):
        matched(SENDER.token(header, SENDER.claims(NOW)))


_AUD = f'"aud":"{AUDIENCE}","iss":"{ISSUER}","exp":{AT + 60}'.encode()


@pytest.mark.parametrize(
    "claims",
    [
        b"{" + _AUD + b',"aud":"x"}', b'{"exp":1,' + _AUD + b"}", b"[]", b"5", b"", b"\xff", b"[" * 5000,
        b"{" + _AUD, b"{" + _AUD + b'}{"a":1}', b"{" + _AUD + b',"x":"' + b"y" * 8000 + b'"}',
    ],
    ids=lambda claims: claims[:48].decode("latin-1"),
)  # fmt: skip
def test_claims_that_can_be_read_in_two_ways_or_none_are_refused(claims: bytes) -> None:
    with pytest.raises(VerificationError):
        matched(SENDER.token(SENDER.header(), claims))


@pytest.mark.parametrize(
    "text",
    [
        "..", "a..", ".a.", "..a", "a.b.c", "a.b", "a.b.c.d", "", "\xe9.b.c", "A" * 20_000 + ".e30.AA",
        "e30." + "A" * 100_000 + ".AA", "e30.e30." + "A" * 5000,
    ],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_what_is_no_token_is_malformed(text: str) -> None:
    with pytest.raises(MalformedRequestError):
        read_token(text)


def test_a_token_has_one_spelling() -> None:
    right = token()
    for other in (right + "=", right + "==", right.replace("e", "e=", 1), f" {right}", f"{right}\n", right + "A"):
        with pytest.raises(VerificationError):
            matched(other)


def test_a_signature_by_a_key_that_is_too_short_to_trust_matches_nothing() -> None:
    jwk = {**SENDER.jwk, "n": integer(3**600)}
    assert matched(token(), keys=read_key_set(key_set(jwk, ED25519.jwk))) is None


def test_the_times_are_those_of_the_clock_given() -> None:
    assert matched(token(), now=NOW + timedelta(hours=1, seconds=299)) is not None
    with pytest.raises(BadSignatureError):
        matched(token(), now=NOW + timedelta(hours=1, seconds=301))


base64text = st.text("ABCabc019-_", max_size=40)
headers = st.dictionaries(
    st.sampled_from(["alg", "kid", "crit", "b64", "typ", "jku", "jwk"]),
    st.sampled_from(["RS256", "none", "rsa-1", True, None, 1.5]) | st.lists(st.text(), max_size=2) | st.text(),
)


@given(st.text(st.characters(max_codepoint=255)) | st.tuples(base64text, base64text, base64text).map(".".join))
def test_any_text_is_refused_and_never_a_fault(text: str) -> None:
    with pytest.raises(VerificationError):
        matched(text)


@given(headers, st.binary(max_size=20))
def test_any_header_members_are_refused_and_never_a_fault(header: dict[str, Any], signature: bytes) -> None:
    content = SENDER.token(header, SENDER.claims(NOW)).rpartition(".")[0]
    with suppress(VerificationError):
        assert matched(f"{content}.{base64url(signature)}") is None
