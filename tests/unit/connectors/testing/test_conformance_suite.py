"""The conformance suite fails for connectors that break a promise: each one here breaks exactly one."""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from pydantic import Field, SecretStr

from connectors.api import (
    BadRecordError,
    BadSignatureError,
    Batch,
    BatchDestination,
    CollectingDestination,
    Collection,
    Delivery,
    DestinationConfig,
    DestinationDownError,
    EachDestination,
    Effect,
    EventAttributes,
    MalformedRequestError,
    Options,
    Outcomes,
    Request,
    Source,
    SourceConfig,
    Span,
    Verified,
)
from connectors.testing import DestinationSuite, SourceSuite, context, destination_suite, source_suite
from connectors.testing.destinations import opened

REQUEST = cast("pytest.FixtureRequest", None)
"""The hooks of these suites need no fixtures."""


class StoreConfig(DestinationConfig):
    password: SecretStr = Field(SecretStr("hunter2"), description="Opens the store.")


class Store(BatchDestination[StoreConfig, Options]):
    """A destination that keeps every promise."""

    name = "store"
    config_model = StoreConfig
    effect = Effect.IDEMPOTENT
    kept: ClassVar[dict[str, bytes]] = {}
    down: ClassVar[bool] = False

    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        if self.down:
            raise DestinationDownError("down")
        await asyncio.sleep(0)
        self.kept.update((each.key.id, each.body) for each in batch.deliveries)
        return dict.fromkeys((each.key for each in batch.deliveries), None)


class DropsAKey(Store):
    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        outcomes = dict(await super().deliver(batch))
        outcomes.pop(batch.deliveries[-1].key)
        return outcomes


class RaisesItsOwn(Store):
    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        for each in batch.deliveries:
            each.json()
        return await super().deliver(batch)


class Appends(Store):
    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        self.kept[f"line {len(self.kept)}"] = b""
        return await super().deliver(batch)


class SwallowsCancellation(Store):
    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        if "cancelled" not in batch.deliveries[0].key.id:
            return await super().deliver(batch)
        for _ in range(2):  # by the test, and by its deadline; the third is pytest's own
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                continue
        await asyncio.sleep(1)
        return {}


class NeverCloses(Store):
    async def close(self) -> None:
        await asyncio.sleep(60)


class ShowsItsPassword(Store):
    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        error = BadRecordError(f"refused with {self.config.password.get_secret_value()}")
        return dict.fromkeys((each.key for each in batch.deliveries), error)


class BlamesTheRecord(Store):
    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        if self.down:
            return {each.key: BadRecordError("no connection") for each in batch.deliveries}
        return await super().deliver(batch)


class OpensOnce(Store):
    opened = False

    async def open(self) -> None:
        if self.opened:
            raise DestinationDownError("already open")
        self.opened = True


class UndescribedConfig(StoreConfig):
    color: str = "red"


class Undescribed(Store):
    config_model = UndescribedConfig


class Outage:
    async def __aenter__(self) -> None:
        Store.down = True

    async def __aexit__(self, *_: object) -> None:
        Store.down = False


async def kept(_: pytest.FixtureRequest) -> object:
    return dict(Store.kept)


def suite_of(connector: type[Store], home: Path) -> tuple[DestinationSuite, Store]:
    Store.kept.clear()
    made = destination_suite(connector, {}, read_back=kept, outage=lambda _: Outage())()
    return made, connector(connector.config_model(), context(home))


async def run_all(connector: type[Store], home: Path) -> None:
    suite, _ = suite_of(connector, home)
    suite.test_it_declares_what_the_hub_needs({})
    for test in (
        suite.test_it_opens_and_closes_more_than_once,
        suite.test_every_kind_of_body_has_an_outcome,
        suite.test_cancelled_in_the_middle_it_stays_usable,
    ):
        await test(suite_of(connector, home)[1])
    await suite.test_a_repeat_changes_nothing(suite_of(connector, home)[1], REQUEST)
    await suite.test_an_outage_is_no_fault_of_the_record(suite_of(connector, home)[1], REQUEST)


async def test_a_destination_that_keeps_its_promises_passes(tmp_path: Path) -> None:
    await run_all(Store, tmp_path)


@pytest.mark.parametrize(
    ("connector", "complaint"),
    [
        (DropsAKey, "one outcome per delivery"),
        (RaisesItsOwn, "line 1 column"),
        (Appends, "a repeat changed"),
        (SwallowsCancellation, "swallows cancellation"),
        (NeverCloses, None),
        (ShowsItsPassword, "shows a secret"),
        (BlamesTheRecord, "an outage must not make dead letters"),
        (OpensOnce, "already open"),
        (Undescribed, "without a description: color"),
    ],
)
async def test_a_destination_that_breaks_one_fails(
    connector: type[Store], complaint: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.testing.destinations._CLOSE_DEADLINE_S", 0.05)
    monkeypatch.setattr("connectors.testing.destinations._DEADLINE_S", 0.2)
    with pytest.raises(Exception, match=complaint):
        await run_all(connector, tmp_path)


class Pages(Collection[Options]):
    def __init__(self, kept: dict[Any, Any], name: object) -> None:
        self.kept = kept
        self.name = name
        self.lines: list[bytes] = []

    def add(self, delivery: Delivery[Options]) -> None:
        self.lines.append(delivery.body)

    async def store(self) -> None:
        await asyncio.sleep(0)
        if Shelf.down:
            raise DestinationDownError("down")
        self.kept[self.name] = self.lines


class Shelf(CollectingDestination[StoreConfig, Options]):
    """A destination that collects, and keeps every promise."""

    name = "shelf"
    config_model = StoreConfig
    effect = Effect.IDEMPOTENT
    kept: ClassVar[dict[Any, Any]] = {}
    down: ClassVar[bool] = False

    def collect(self, span: Span) -> Collection[Options]:
        return Pages(self.kept, span)


class NamesByTheClock(Shelf):
    def collect(self, span: Span) -> Collection[Options]:
        return Pages(self.kept, object())


class NamesByThePartition(Shelf):
    def collect(self, span: Span) -> Collection[Options]:
        return Pages(self.kept, span.partition)


async def run_range(connector: type[Shelf], home: Path) -> None:
    async def shelf(_: pytest.FixtureRequest) -> object:
        return {name: list(lines) for name, lines in Shelf.kept.items()}

    Shelf.kept.clear()
    suite = destination_suite(connector, {}, read_back=shelf)
    assert vars(suite)["test_a_repeat_changes_nothing"] is None
    await suite().test_a_range_stored_again_replaces_itself(connector(StoreConfig(), context(home)), REQUEST)


async def test_a_destination_that_collects_and_keeps_its_promises_passes(tmp_path: Path) -> None:
    await run_range(Shelf, tmp_path)


@pytest.mark.parametrize(
    ("connector", "complaint"),
    [(NamesByTheClock, "the range is there twice"), (NamesByThePartition, "changed another")],
)
async def test_a_destination_that_collects_under_wrong_names_fails(
    connector: type[Shelf], complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=complaint):
        await run_range(connector, tmp_path)


def test_an_idempotent_destination_must_be_read_back() -> None:
    with pytest.raises(TypeError, match="read_back"):
        destination_suite(Store, {})


def test_what_cannot_be_tried_is_no_test_instead_of_an_empty_one() -> None:
    class Line(EachDestination[StoreConfig, Options]):
        name = "line"
        config_model = StoreConfig
        effect = Effect.APPEND

        async def deliver_one(self, delivery: Delivery[Options]) -> None:
            """Nothing to do."""

    suite = destination_suite(Line, {})
    assert vars(suite)["test_a_repeat_changes_nothing"] is None
    assert vars(suite)["test_an_outage_is_no_fault_of_the_record"] is None


async def test_a_target_is_closed_when_a_test_fails(tmp_path: Path) -> None:
    closed: list[bool] = []

    class Noted(Store):
        async def close(self) -> None:
            closed.append(True)

    with pytest.raises(RuntimeError):
        async with opened(Noted(StoreConfig(), context(tmp_path))):
            raise RuntimeError
    assert closed == [True]


class SealedConfig(SourceConfig):
    key: SecretStr = Field(description="What it is sealed with.")


class Sealed(Source[SealedConfig]):
    """A source that keeps every promise."""

    name = "sealed"
    config_model = SealedConfig
    signed_headers = frozenset({"x-seal"})

    async def verify(self, request: Request, now: datetime) -> Verified:
        if not hmac.compare_digest(self.seal(request.body), request.required_header("x-seal").encode("latin-1")):
            raise BadSignatureError("another seal")
        return Verified("seal", "abcd")

    def describe(self, request: Request) -> Sequence[EventAttributes]:
        return [EventAttributes("sealed")]

    def seal(self, body: bytes) -> bytes:
        return hmac.new(self.config.key.get_secret_value().encode(), body, "sha256").hexdigest().encode()


class IgnoresTheBody(Sealed):
    def seal(self, body: bytes) -> bytes:
        return super().seal(b"")


class TakesTheFirstSeal(Sealed):
    async def verify(self, request: Request, now: datetime) -> Verified:
        seals = [value for name, value in request.headers if name == "x-seal"][:1]
        return await super().verify(Request("POST", "", "", (("x-seal", *seals),), request.body), now)  # type: ignore[arg-type]  # a header without a value where there is no seal


class RaisesOnOddSeals(Sealed):
    async def verify(self, request: Request, now: datetime) -> Verified:
        request.required_header("x-seal").encode("ascii")
        return await super().verify(request, now)


class TellsTheKey(Sealed):
    async def verify(self, request: Request, now: datetime) -> Verified:
        try:
            return await super().verify(request, now)
        except MalformedRequestError:
            raise
        except BadSignatureError as error:
            raise BadSignatureError(f"not made with {self.config.key.get_secret_value()}") from error


class ReadsCarelessly(Sealed):
    def describe(self, request: Request) -> Sequence[EventAttributes]:
        return [EventAttributes(request.parsed_body["type"])]


def sign(source: Source[Any], body: bytes, now: datetime) -> Mapping[str, str]:
    assert isinstance(source, Sealed)
    return {"x-seal": source.seal(body).decode()}


async def run_source(connector: type[Sealed], home: Path) -> None:
    made = source_suite(connector, {"key": "k3y-of-the-seal"}, security_headers=("x-seal",), sign=sign)
    suite: SourceSuite = made()
    source = connector(SealedConfig(key=SecretStr("k3y-of-the-seal")), context(home))
    suite.test_it_declares_what_the_hub_needs({"key": "k"})
    await suite.test_it_shows_no_secrets(source)
    await suite.test_a_signed_request_is_verified(source)
    await suite.test_a_changed_body_is_refused(source)
    await suite.test_a_changed_security_header_is_refused(source)
    await suite.test_a_missing_odd_or_repeated_security_header_is_refused(source)
    for body in (b"{}", b"[]", b"", b'{"type": 5}'):
        suite.test_a_body_of_any_shape_is_described(source, body)


async def test_a_source_that_keeps_its_promises_passes(tmp_path: Path) -> None:
    assert datetime.now(UTC) > SourceSuite.now.replace(year=2000)
    await run_source(Sealed, tmp_path)


@pytest.mark.parametrize(
    "connector", [IgnoresTheBody, TakesTheFirstSeal, RaisesOnOddSeals, TellsTheKey, ReadsCarelessly]
)
async def test_a_source_that_breaks_one_fails(connector: type[Sealed], tmp_path: Path) -> None:
    with pytest.raises((Exception, pytest.fail.Exception)):
        await run_source(connector, tmp_path)
