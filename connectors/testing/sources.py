"""What every source promises, as tests."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest

from connectors.api import (
    EventAttributes,
    MalformedRequestError,
    Request,
    SampleSender,
    Source,
    VerificationError,
    Verified,
)
from connectors.testing.declarations import (
    Config,
    RawConfig,
    check_masked,
    check_model,
    check_name,
    check_unknown_options_are_refused,
    resolve,
    secrets_of,
)
from connectors.testing.examples import BODIES, context

Sign = Callable[[Source[Any], bytes, datetime], Mapping[str, str]]

# Header values are Latin-1, as ASGI servers decode them; "\xb2" is a digit to str.isdigit and none to int.
_ODD_VALUES = ("", " ", "\0", "caf\u00e9", "v1", "v1,", ",", "=", "\xff" * 10, "9" * 5000, "-1", "1e9", "\xb2")
_DEADLINE_S = 60.0


def source_suite(
    connector: type[Source[Any]], config: Config, *, security_headers: tuple[str, ...], sign: Sign | None = None
) -> "type[SourceSuite]":
    """Make the test class of one source, to be assigned to a name that starts with ``Test``.

    ``config`` is the entry of ``hub.yaml`` without ``type``, or a function of pytest's ``request`` that makes it.
    ``security_headers`` (lower case) are what ``verify`` needs. ``sign(source, body, now)`` gives the headers a real
    sender would; a SampleSender needs none.
    """
    if sign is None and not issubclass(connector, SampleSender):
        raise TypeError(f"{connector.__name__} is no SampleSender: pass sign, so that requests can be made for it")
    members: dict[str, object] = {"plan": _Plan(connector, config, security_headers, sign or _sign_as_sample)}
    if "tolerance" not in connector.config_model.model_fields:
        members[SourceSuite.test_a_request_outside_the_tolerance_is_refused.__name__] = None
    if not issubclass(connector, SampleSender):
        members[SourceSuite.test_every_sample_is_accepted_and_keeps_its_type.__name__] = None
    return type(f"Test{connector.__name__}", (SourceSuite,), members)


@dataclass(frozen=True, slots=True)
class _Plan:
    connector: type[Source[Any]]
    config: Config
    security_headers: tuple[str, ...]
    sign: Sign


class SourceSuite:
    """Made by ``source_suite``."""

    plan: ClassVar[_Plan]
    now: ClassVar[datetime] = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    @pytest.fixture
    def raw_config(self, request: pytest.FixtureRequest) -> RawConfig:
        return resolve(self.plan.config, request)

    @pytest.fixture
    def source(self, raw_config: RawConfig, tmp_path: Path) -> Source[Any]:
        config = self.plan.connector.config_model.model_validate(raw_config)
        return self.plan.connector(config, context(tmp_path))

    def test_it_declares_what_the_hub_needs(self, raw_config: RawConfig) -> None:
        connector = self.plan.connector
        check_name(getattr(connector, "name", None), connector.api_version)
        check_model(connector.config_model)
        check_unknown_options_are_refused(connector.config_model, raw_config)
        assert all(name == name.lower() for name in connector.signed_headers), "signed_headers are in lower case"
        assert set(self.plan.security_headers) <= connector.signed_headers, "what is verified is kept as evidence"

    @pytest.mark.asyncio
    async def test_it_shows_no_secrets(self, source: Source[Any]) -> None:
        verified = await self.verify(source, self.signed(source))
        check_masked(source.config, source, verified)

    @pytest.mark.asyncio
    async def test_a_signed_request_is_verified(self, source: Source[Any]) -> None:
        verified = await self.verify(source, self.signed(source))
        assert isinstance(verified, Verified)
        assert verified.scheme
        assert verified.key

    @pytest.mark.asyncio
    async def test_a_changed_body_is_refused(self, source: Source[Any]) -> None:
        request = self.signed(source)
        for body in (*flipped(request.body), request.body + b" ", request.body[:-1], b""):
            await self.refused(source, replace(request, body=body))

    @pytest.mark.asyncio
    async def test_a_changed_security_header_is_refused(self, source: Source[Any]) -> None:
        request = self.signed(source)
        for name in self.plan.security_headers:
            value = request.required_header(name)
            for changed in (value[:-1], *(each.decode("latin-1") for each in flipped(value.encode("latin-1")))):
                await self.refused(source, with_headers(request, name, changed))

    @pytest.mark.asyncio
    async def test_a_missing_odd_or_repeated_security_header_is_refused(self, source: Source[Any]) -> None:
        request = self.signed(source)
        for name in self.plan.security_headers:
            value = request.required_header(name)
            await self.refused(source, with_headers(request, name))
            for odd in _ODD_VALUES:
                await self.refused(source, with_headers(request, name, odd))
            for second in (value, "", "x"):
                with pytest.raises(MalformedRequestError):
                    await self.verify(source, with_headers(request, name, value, second))

    @pytest.mark.asyncio
    async def test_a_request_outside_the_tolerance_is_refused(self, source: Source[Any]) -> None:
        tolerance: timedelta = source.config.tolerance
        request = self.signed(source)
        for late in (tolerance + timedelta(seconds=2), -tolerance - timedelta(seconds=2)):
            with pytest.raises(VerificationError):
                await source.verify(request, self.now + late)

    @pytest.mark.parametrize("body", BODIES.values(), ids=list(BODIES))
    def test_a_body_of_any_shape_is_described(self, source: Source[Any], body: bytes) -> None:
        request = self.signed(source)
        for headers in (request.headers, ()):
            described: Sequence[object] = source.describe(replace(request, body=body, headers=headers))
            assert all(isinstance(each, EventAttributes) and each.type for each in described)
            assert described, "what cannot be read is still an event, with a type of its own"

    @pytest.mark.asyncio
    async def test_every_sample_is_accepted_and_keeps_its_type(self, source: Source[Any]) -> None:
        assert isinstance(source, SampleSender)
        for event_type in source.sample_types():
            body = orjson.dumps(source.sample(event_type, self.now))
            headers = source.sign(body, event_type=event_type, event_id="evt-1", now=self.now)
            request = Request("POST", "http://127.0.0.1/in/x", "", tuple(headers.items()), body)
            await self.verify(source, request)
            assert [each.type for each in source.describe(request)] == [event_type]

    async def verify(self, source: Source[Any], request: Request) -> object:
        async with asyncio.timeout(_DEADLINE_S):
            return await source.verify(request, self.now)

    async def refused(self, source: Source[Any], request: Request) -> None:
        with pytest.raises(VerificationError) as caught:
            await self.verify(source, request)
        for secret in secrets_of(source.config):
            assert secret not in str(caught.value), "the sender is told a secret"

    def signed(self, source: Source[Any], body: bytes = BODIES["json"]) -> Request:
        headers = self.plan.sign(source, body, self.now)
        return Request("POST", "http://127.0.0.1/in/x", "", tuple(headers.items()), body)


def flipped(value: bytes) -> Iterator[bytes]:
    """The value with one bit changed, once per byte (of the first and last 64)."""
    places = {*range(min(64, len(value))), *range(max(0, len(value) - 64), len(value))}
    for place in sorted(places):
        yield value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


def with_headers(request: Request, name: str, *values: str) -> Request:
    """The request with exactly these values of one header."""
    others = tuple(header for header in request.headers if header[0] != name)
    return replace(request, headers=others + tuple((name, value) for value in values))


def _sign_as_sample(source: Source[Any], body: bytes, now: datetime) -> Mapping[str, str]:
    assert isinstance(source, SampleSender)
    return source.sign(body, event_type=None, event_id="evt-1", now=now)
