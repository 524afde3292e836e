"""Signatures that independent implementations accept: standardwebhooks, cryptography, PyJWT."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from connectors.sources.gemini.emulator.emulator import Emulator
from connectors.sources.gemini.emulator.faults import Fault
from connectors.sources.gemini.emulator.keys import OVERLAP
from connectors.sources.gemini.emulator.signing import (
    ISSUER,
    DynamicSignature,
    public_jwk,
    sign_v1,
    sign_v1a,
    spoil,
)
from tests.fixtures.endpoint import Endpoint, Received
from tests.fixtures.gemini_emulator import after, emulating, start_batch

ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1614265330
BODY = b'{"test": 2432232314}'


def test_the_official_vector_of_standard_webhooks() -> None:
    signature = sign_v1(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], ID, AT, BODY)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_reference_s_vector_of_v1a() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    assert sign_v1a(key, ID, AT, BODY) == (
        "v1a,yoUrgEkc12aGqm0n4Sydmdz55xJfTz4AsAgieHFjmkR7LJtqVCZOQYzvvHjI5kAey+r4iaBGxTFRrl2iBQxtDQ=="
    )
    assert public_jwk(key, "test-1") == {
        "kty": "OKP",
        "crv": "Ed25519",
        "alg": "EdDSA",
        "use": "sig",
        "kid": "test-1",
        "x": "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
    }


def test_a_spoilt_signature_keeps_its_form() -> None:
    signature = sign_v1(["whsec_AAAA", "whsec_BBBB"], ID, AT, BODY)
    spoilt = spoil(signature)
    assert len(spoilt) == len(signature)
    for good, bad in zip(signature.split(" "), spoilt.split(" "), strict=True):
        assert bad.startswith("v1,")
        assert base64.b64decode(bad[3:], validate=True) != base64.b64decode(good[3:])
    header, claims, _ = spoil("aaaa.bbbb.AAAA").split(".")
    assert (header, claims) == ("aaaa", "bbbb")


def ed25519_accepts(jwk: dict[str, Any], received: Received) -> bool:
    key = jwt.PyJWK(jwk).key
    assert isinstance(key, Ed25519PublicKey)
    version, _, signature = (received.header("webhook-signature") or "").partition(",")
    assert version == "v1a"
    stamp = f"{received.header('webhook-id')}.{received.header('webhook-timestamp')}."
    try:
        key.verify(base64.b64decode(signature), stamp.encode() + received.body)
    except InvalidSignature:
        return False
    return True


async def receive(emulator: Emulator, endpoint: Endpoint) -> Received:
    job = start_batch(emulator, endpoint.url)
    emulator.jobs.finish(job, job.planned)
    await after(emulator, 0)
    return endpoint.received[-1]


async def test_a_job_s_own_webhook_is_signed_with_a_published_key_through_a_rotation(tmp_path: Path) -> None:
    async with Endpoint() as endpoint, emulating(tmp_path) as emulator:
        [first] = emulator.keys.jwks()["keys"]
        assert ed25519_accepts(first, await receive(emulator, endpoint))

        emulator.keys.rotate()
        old, new = emulator.keys.jwks()["keys"]
        assert old == first
        rotated = await receive(emulator, endpoint)
        assert ed25519_accepts(new, rotated)
        assert not ed25519_accepts(old, rotated)

        await after(emulator, OVERLAP)
        assert emulator.keys.jwks()["keys"] == [new]
        emulator.keys.rotate(at_once=True)
        [newest] = emulator.keys.jwks()["keys"]
        assert ed25519_accepts(newest, await receive(emulator, endpoint))

        emulator.set_faults({Fault.WRONG_KEY: 1.0})
        assert not ed25519_accepts(newest, await receive(emulator, endpoint))
        emulator.set_faults({Fault.WRONG_SIGNATURE: 1.0})
        assert not ed25519_accepts(newest, await receive(emulator, endpoint))


async def test_a_jwt_is_one_for_an_independent_library(tmp_path: Path) -> None:
    async with (
        Endpoint() as endpoint,
        emulating(tmp_path, signature=DynamicSignature.JWT, audience="my-project") as emulator,
    ):
        keys = jwt.PyJWKSet.from_dict(emulator.keys.jwks())
        received = await receive(emulator, endpoint)
        token = received.header("webhook-signature") or ""
        claims = jwt.decode(
            token,
            keys[jwt.get_unverified_header(token)["kid"]],
            algorithms=["RS256"],
            audience="my-project",
            issuer=ISSUER,
        )
        assert claims["jti"] == received.header("webhook-id")
        assert claims["body_sha256"] == hashlib.sha256(received.body).hexdigest()

        emulator.set_faults({Fault.WRONG_SIGNATURE: 1.0})
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(
                (await receive(emulator, endpoint)).header("webhook-signature") or "",
                keys.keys[0],
                algorithms=["RS256"],
                audience="my-project",
            )
        emulator.set_faults({Fault.WRONG_KEY: 1.0})
        strange = (await receive(emulator, endpoint)).header("webhook-signature") or ""
        with pytest.raises(KeyError):
            keys[jwt.get_unverified_header(strange)["kid"]]
        emulator.set_faults({Fault.STALE_TIMESTAMP: 1.0})
        with pytest.raises(jwt.ExpiredSignatureError):
            jwt.decode(
                (await receive(emulator, endpoint)).header("webhook-signature") or "",
                keys.keys[0],
                algorithms=["RS256"],
                audience="my-project",
            )


async def test_another_form_of_signature_has_its_own_keys(tmp_path: Path) -> None:
    async with emulating(tmp_path) as emulator:
        [ed25519] = emulator.keys.jwks()["keys"]
    async with emulating(tmp_path, signature=DynamicSignature.JWT) as emulator:
        assert [key["kty"] for key in emulator.keys.jwks()["keys"]] == ["RSA"]
    async with emulating(tmp_path) as emulator:
        assert emulator.keys.jwks()["keys"] == [ed25519]
