"""Calls a connector and believes nothing: every key gets an answer, every call an end."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from connectors.api import (
    BadRecordError,
    Batch,
    BatchDestination,
    Collection,
    Delivery,
    DeliveryError,
    DeliveryKey,
    Destination,
    EachDestination,
    Enricher,
    Enrichment,
    Event,
    FetchLimits,
    RetryableError,
    ThrottledError,
)

_log = logging.getLogger(__name__)

ResultT = TypeVar("ResultT")

_CANCEL_TIMEOUT = 5.0  # seconds a connector gets to end after it was cancelled
_LONGEST_WISH = timedelta(days=1)  # a connector may ask for no longer pause

Results = dict[DeliveryKey, BaseException | None]


class CallTimeoutError(RetryableError):
    """The connector did not answer within the destination's ``timeout``. Whether it had an effect is unknown."""


class ConnectorFaultError(Exception):
    """The connector broke its contract. Handled like any other bug of a plugin: retried, and logged."""


async def attempt(destination: Destination[Any, Any], deliveries: Sequence[Delivery[Any]], seconds: float) -> Results:
    """Try all of them in one call (one delivery for an EachDestination). Never raises; an error for each that failed.

    ``seconds`` is how long the call may take.
    """
    try:
        if isinstance(destination, BatchDestination):
            answer = await bounded(destination.deliver(Batch(deliveries)), seconds)
            return {delivery.key: _sane(_answer_for(delivery.key, answer)) for delivery in deliveries}
        assert isinstance(destination, EachDestination), "the registry lets nothing else in"
        await bounded(destination.deliver_one(deliveries[0]), seconds)
    except Exception as error:  # noqa: BLE001  (a plugin may raise anything; it speaks for the whole call)
        return {delivery.key: _sane(error) for delivery in deliveries}
    return {deliveries[0].key: None}


async def fetch(enricher: Enricher, event: Event, limits: FetchLimits) -> Enrichment | None:
    """Fetch what an event points at, within the limits, whatever the source does about them.

    Raises whatever the source raises, made sane.
    """
    try:
        found: object = await bounded(enricher.fetch(event, limits), limits.timeout.total_seconds())
    except Exception as error:
        sane = _sane(error)
        if sane is None or sane is error:
            raise
        raise sane from error
    if found is not None and not isinstance(found, Enrichment):
        raise ConnectorFaultError(f"fetch returned {type(found).__name__}, expected an Enrichment or None")
    if found is not None and len(found.body) > limits.max_size:
        raise BadRecordError(
            f"the result has {len(found.body)} bytes, and `enrichments.max_result` is {limits.max_size}"
        )
    return found


async def store(collection: Collection[Any], seconds: float) -> BaseException | None:
    """Store a collection; what it raised, None when it is stored. Never raises."""
    try:
        await bounded(collection.store(), seconds)
    except Exception as error:  # noqa: BLE001  (a plugin may raise anything)
        return _sane(error)
    return None


async def bounded(call: Coroutine[Any, Any, ResultT], seconds: float) -> ResultT:
    """Await a connector's coroutine for so many seconds, then cancel it; one that ignores that is left behind.

    Raises:
        CallTimeoutError, ConnectorFaultError, and whatever the coroutine raises.
    """
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _cancel(task)
        raise
    if not done:
        await _cancel(task)
        if not task.done() or task.cancelled() or task.exception():
            raise CallTimeoutError(f"no answer within {seconds:g} s")
    if task.cancelled():
        raise ConnectorFaultError("the connector cancelled its own call")
    return task.result()


async def _cancel(task: asyncio.Future[Any]) -> None:
    task.cancel()
    _, hung = await asyncio.wait({task}, timeout=_CANCEL_TIMEOUT)
    if hung:
        _log.error("a connector ignores being cancelled; its call is left behind", extra={"call": repr(task)})
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


def _answer_for(key: DeliveryKey, answer: object) -> BaseException | None:
    if not isinstance(answer, Mapping):
        return ConnectorFaultError(f"deliver returned {type(answer).__name__}, expected a mapping")
    if key not in answer:
        return ConnectorFaultError("the result says nothing about this delivery")
    error = answer[key]
    if error is None or isinstance(error, Exception):
        return error
    return ConnectorFaultError(f"the result for this delivery is {error!r}, expected None or a DeliveryError")


def _sane(error: BaseException | None) -> BaseException | None:
    """An error whose ``retry_after`` can be relied upon."""
    if isinstance(error, ThrottledError | RetryableError) and not isinstance(error, CallTimeoutError):
        wish: object = error.retry_after
        if wish is not None or isinstance(error, ThrottledError):
            if not isinstance(wish, timedelta):
                return ConnectorFaultError(f"retry_after of {error!r} is {wish!r}, expected a timedelta")
            error.retry_after = min(max(wish, timedelta()), _LONGEST_WISH)
    return error


def is_foreign(error: BaseException) -> bool:
    """Whether it is a bug of the connector, worth its traceback."""
    return not isinstance(error, DeliveryError)
