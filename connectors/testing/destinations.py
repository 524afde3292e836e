"""What every destination promises, as tests."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.api import (
    BadRecordError,
    Batch,
    BatchDestination,
    CollectingDestination,
    Delivery,
    DeliveryError,
    DeliveryKey,
    Destination,
    EachDestination,
    Effect,
    Span,
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
from connectors.testing.examples import BODIES, context, delivery

ReadBack = Callable[[pytest.FixtureRequest], Awaitable[object]]
Outage = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[None]]

_CLOSE_DEADLINE_S = 5.0
_DEADLINE_S = 60.0


def destination_suite(
    connector: type[Destination[Any, Any]],
    config: Config,
    *,
    options: Mapping[str, Any] | None = None,
    read_back: ReadBack | None = None,
    outage: Outage | None = None,
) -> "type[DestinationSuite]":
    """Make the test class of one destination, to be assigned to a name that starts with ``Test``.

    ``config`` is the entry of ``hub.yaml`` without ``type``, or a function of pytest's ``request`` that makes it.
    ``options`` are a route's ``with``. ``read_back`` returns what the target holds now, to be compared: an
    IDEMPOTENT destination needs it. ``outage`` is an asynchronous context manager within which the target is out
    of reach. Whatever the target keeps must be new for each test.
    """
    if connector.effect is Effect.IDEMPOTENT and read_back is None:
        raise TypeError(f"{connector.__name__} is IDEMPOTENT: pass read_back, so that it can be proved")
    plan = _Plan(connector, config, options or {}, read_back, outage)
    members: dict[str, object] = {"plan": plan}
    collects = issubclass(connector, CollectingDestination)
    if collects or read_back is None or connector.effect is not Effect.IDEMPOTENT:
        members[DestinationSuite.test_a_repeat_changes_nothing.__name__] = None
    if not collects or read_back is None:
        members[DestinationSuite.test_a_range_stored_again_replaces_itself.__name__] = None
    if outage is None:
        members[DestinationSuite.test_an_outage_is_no_fault_of_the_record.__name__] = None
    return type(f"Test{connector.__name__}", (DestinationSuite,), members)


@dataclass(frozen=True, slots=True)
class _Plan:
    connector: type[Destination[Any, Any]]
    config: Config
    options: Mapping[str, Any]
    read_back: ReadBack | None
    outage: Outage | None


class DestinationSuite:
    """Made by ``destination_suite``."""

    plan: ClassVar[_Plan]

    @pytest.fixture
    def raw_config(self, request: pytest.FixtureRequest) -> RawConfig:
        return resolve(self.plan.config, request)

    @pytest.fixture
    def target(self, raw_config: RawConfig, tmp_path: Path) -> Destination[Any, Any]:
        config = self.plan.connector.config_model.model_validate(raw_config)
        return self.plan.connector(config, context(tmp_path))

    def test_it_declares_what_the_hub_needs(self, raw_config: RawConfig) -> None:
        connector = self.plan.connector
        check_name(getattr(connector, "name", None), connector.api_version)
        assert isinstance(connector.effect, Effect), "effect says what a repeat does"
        assert issubclass(connector, EachDestination | BatchDestination | CollectingDestination)
        check_model(connector.config_model)
        check_model(connector.options_model)
        check_unknown_options_are_refused(connector.config_model, raw_config)

    def test_it_shows_no_secrets(self, target: Destination[Any, Any]) -> None:
        check_masked(target.config, target)

    @pytest.mark.asyncio
    async def test_it_opens_and_closes_more_than_once(self, target: Destination[Any, Any]) -> None:
        await close(target)
        for number in range(2):
            async with opened(target):
                assert await attempt(target, self.deliveries(f"open-{number}")) == {None}
            await close(target)

    @pytest.mark.asyncio
    async def test_every_kind_of_body_has_an_outcome(self, target: Destination[Any, Any]) -> None:
        async with opened(target):
            for errors in (
                await attempt(target, self.deliveries(*BODIES, bodies=BODIES)),
                *[await attempt(target, self.deliveries(name, bodies=BODIES)) for name in BODIES],
            ):
                assert errors <= {None, BadRecordError}, "a body is the record's fault and nobody else's"
            assert await attempt(target, self.deliveries("after")) == {None}, "it goes on after the worst"

    @pytest.mark.asyncio
    async def test_a_repeat_changes_nothing(
        self, target: Destination[Any, Any], request: pytest.FixtureRequest
    ) -> None:
        assert self.plan.read_back is not None
        async with opened(target):
            assert await attempt(target, self.deliveries("a", "b", "c")) == {None}
            once = await self.plan.read_back(request)
            assert await attempt(target, self.deliveries("c", "a")) == {None}
            assert await attempt(target, self.deliveries("b")) == {None}
            assert await self.plan.read_back(request) == once, "a repeat changed what the target holds"
            assert await attempt(target, self.deliveries("d")) == {None}
            assert await self.plan.read_back(request) != once, "read_back does not see what is delivered"

    @pytest.mark.asyncio
    async def test_a_range_stored_again_replaces_itself(
        self, target: Destination[Any, Any], request: pytest.FixtureRequest
    ) -> None:
        assert self.plan.read_back is not None
        async with opened(target):
            assert await attempt(target, self.deliveries("a", "b", "c"), start=100) == {None}
            once = await self.plan.read_back(request)
            assert await attempt(target, self.deliveries("a", "b", "c"), start=100) == {None}
            assert await self.plan.read_back(request) == once, "the range is there twice, or changed"
            assert await attempt(target, self.deliveries("d"), start=103) == {None}
            more = await self.plan.read_back(request)
            assert more != once, "read_back does not see what is delivered"
            assert await attempt(target, self.deliveries("a", "b", "c"), start=100) == {None}
            assert await self.plan.read_back(request) == more, "a range that is stored again changed another"

    @pytest.mark.asyncio
    async def test_cancelled_in_the_middle_it_stays_usable(self, target: Destination[Any, Any]) -> None:
        async with opened(target):
            for turns in range(6):
                running = asyncio.create_task(attempt(target, self.deliveries(f"cancelled-{turns}")))
                for _ in range(turns):
                    await asyncio.sleep(0)
                running.cancel()
                await asyncio.wait([running], timeout=_DEADLINE_S)
                assert running.done(), "it swallows cancellation"
            assert await attempt(target, self.deliveries("after")) == {None}

    @pytest.mark.asyncio
    async def test_an_outage_is_no_fault_of_the_record(
        self, target: Destination[Any, Any], request: pytest.FixtureRequest
    ) -> None:
        assert self.plan.outage is not None
        async with opened(target):
            async with self.plan.outage(request):
                for each in (self.deliveries("during-1"), self.deliveries("during-2", "during-3")):
                    errors = await attempt(target, each)
                    assert None not in errors, "it claims to have delivered during the outage"
                    assert BadRecordError not in errors, "an outage must not make dead letters"
            assert await attempt(target, self.deliveries("afterwards")) == {None}

    def deliveries(self, *ids: str, bodies: Mapping[str, bytes] = BODIES) -> list[Delivery[Any]]:
        options = self.plan.connector.options_model.model_validate(self.plan.options)
        return [delivery(options, each, bodies.get(each, BODIES["json"])) for each in ids]


@asynccontextmanager
async def opened(target: Destination[Any, Any]) -> AsyncIterator[None]:
    async with asyncio.timeout(_DEADLINE_S):
        await target.open()
    try:
        yield
    finally:
        await close(target)


async def close(target: Destination[Any, Any]) -> None:
    async with asyncio.timeout(_CLOSE_DEADLINE_S):
        await target.close()


async def attempt(
    target: Destination[Any, Any], deliveries: Sequence[Delivery[Any]], *, start: int | None = None
) -> set[type[DeliveryError] | None]:
    """Deliver as the hub does, and give the kinds of outcome there were. Whatever is no DeliveryError is raised.

    ``start`` is where a range begins, for connectors that collect; by default behind all that were tried before.
    """
    async with asyncio.timeout(_DEADLINE_S):
        if isinstance(target, BatchDestination):
            errors = await _attempt_batch(target, deliveries)
        elif isinstance(target, CollectingDestination):
            errors = await _attempt_range(target, deliveries, next(_STARTS) if start is None else start)
        else:
            assert isinstance(target, EachDestination)
            errors = {each.key: await _attempt_one(target, each) for each in deliveries}
    for error in errors.values():
        for secret in secrets_of(target.config):
            assert secret not in f"{error} {error.__cause__ if error else ''}", "an error shows a secret"
    return {type(error) if error else None for error in errors.values()}


_STARTS = itertools.count(1_000_000, 1_000)


async def _attempt_range(
    target: CollectingDestination[Any, Any], deliveries: Sequence[Delivery[Any]], start: int
) -> Mapping[DeliveryKey, DeliveryError | None]:
    collection = target.collect(Span("hub.deliveries.target", "0123abcd", 3, start))
    errors: dict[DeliveryKey, DeliveryError | None] = {}
    for each in deliveries:
        try:
            collection.add(each)
        except BadRecordError as error:
            errors[each.key] = error
        else:
            errors[each.key] = None
    failure: DeliveryError | None = None
    try:
        await collection.store()
    except DeliveryError as error:
        failure = error
    assert not isinstance(failure, BadRecordError), "what is a record's fault is found out by add"
    return {key: bad or failure for key, bad in errors.items()}


async def _attempt_one(target: EachDestination[Any, Any], delivery: Delivery[Any]) -> DeliveryError | None:
    try:
        await target.deliver_one(delivery)
    except DeliveryError as error:
        return error
    return None


async def _attempt_batch(
    target: BatchDestination[Any, Any], deliveries: Sequence[Delivery[Any]]
) -> Mapping[DeliveryKey, DeliveryError | None]:
    keys = {each.key for each in deliveries}
    try:
        outcomes = await target.deliver(Batch(deliveries))
    except DeliveryError as error:
        return dict.fromkeys(keys, error)
    assert set(outcomes) == keys, "one outcome per delivery: a missing key counts as failed, a strange one as nothing"
    return outcomes
