"""The destination: rows are made here, and written by a thread of their own, since the drivers block."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from connectors.api import (
    BadRecordError,
    Batch,
    BatchDestination,
    Context,
    Delivery,
    DeliveryError,
    DeliveryKey,
    DestinationDownError,
    Effect,
    Options,
    Outcomes,
    RetryableError,
)
from connectors.destinations.database.config import DatabaseConfig, RowsOf
from connectors.destinations.database.dialect import Dialect
from connectors.destinations.database.postgresql import PostgreSQL
from connectors.destinations.database.result_rows import rows_of_result
from connectors.destinations.database.rows import Row, row_of
from connectors.destinations.database.sqlite import SQLite
from connectors.destinations.database.store import Store
from connectors.destinations.database.table import table_named

_CLOSE_TIMEOUT_S = 2.0
_DIALECTS: Mapping[str, type[Dialect]] = {"postgresql": PostgreSQL, "sqlite": SQLite}

ResultT = TypeVar("ResultT")


class DatabaseDestination(BatchDestination[DatabaseConfig, Options]):
    """One row per event (or per delivery), in SQLite or PostgreSQL.

    Columns: ``source id type subject time received metadata data route delivery``. ``data`` is the whole body as
    JSON; a body that is not JSON is the JSON string of its text, or ``{"base64": …}`` if it is no UTF-8 text or
    has a NUL in it; an empty body is NULL. Times are ``timestamptz``, in SQLite RFC 3339 text that sorts.

    With ``rows: result``, one row for each line of the result, all of them in one transaction: ``source id line type
    subject time received key response error metadata route delivery``. ``key`` is the request's, and of ``response``
    and ``error`` one is NULL. A JSON list gives a row for each element, any other result one row.

    PostgreSQL cannot hold U+0000 in JSON: an event with it is a bad record, and the rest of its batch is written.
    """

    name = "database"
    config_model = DatabaseConfig
    effect = Effect.IDEMPOTENT

    def __init__(self, config: DatabaseConfig, context: Context) -> None:
        super().__init__(config, context)
        self._thread: ThreadPoolExecutor | None = None
        self._store: Store | None = None

    async def open(self) -> None:
        await self.close()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"database-{self.context.name}")
        self._store = store = self._new_store()
        try:
            await self._run(store.prepare)
        except DestinationDownError:
            raise
        except DeliveryError as error:  # such as a lock that somebody holds on the table
            raise DestinationDownError(str(error)) from error

    async def close(self) -> None:
        thread, store = self._thread, self._store
        self._thread = self._store = None
        if thread is None:
            return
        if store is not None:
            closing = asyncio.wrap_future(thread.submit(store.dispose))
            await asyncio.wait([closing], timeout=_CLOSE_TIMEOUT_S)
        # A statement still running ends by its own timeout; nobody waits for it here.
        thread.shutdown(wait=False)

    async def deliver(self, batch: Batch[Options]) -> Outcomes:
        store = self._store
        if store is None:
            raise DestinationDownError("the database is not open")
        if self.config.rows is RowsOf.RESULT:
            return {delivery.key: await self._write_result(store, delivery) for delivery in batch.deliveries}
        outcomes: dict[DeliveryKey, DeliveryError | None] = {}
        rows: dict[DeliveryKey, Row] = {}
        for delivery in batch.deliveries:
            try:
                rows[delivery.key] = row_of(delivery)
            except BadRecordError as error:
                outcomes[delivery.key] = error
        if rows:
            written = await self._run(partial(store.write, list(rows.values())))
            outcomes.update(zip(rows, written, strict=True))
        return outcomes

    async def _write_result(self, store: Store, delivery: Delivery[Options]) -> DeliveryError | None:
        """One after the other, so that only one result is in memory. What concerns one delivery is returned."""
        if delivery.result is None:
            return BadRecordError(
                f"an event of type {delivery.event.type} has no result; leave it out by the `when` of its route, "
                "which must have `enrich`"
            )
        try:
            body = await delivery.result.read()
            return await self._run(partial(_write_result, store, delivery, delivery.result.content_type, body))
        except (BadRecordError, RetryableError) as error:
            return error

    def _new_store(self) -> Store:
        url = self.config.sqlalchemy_url(self.context.home)
        table = table_named(self.config.table, self.config.key, self.config.rows)
        dialect = _DIALECTS[url.get_backend_name()](table, self.config.statement_timeout)
        return Store(url, dialect, self.log)

    async def _run(self, work: Callable[[], ResultT]) -> ResultT:
        # One thread: SQLite writes one at a time anyway, and two batches of one worker cannot deadlock.
        assert self._thread is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _write_result(store: Store, delivery: Delivery[Options], content_type: str, body: bytes) -> BadRecordError | None:
    rows = list(rows_of_result(delivery, content_type, body))
    bad = [(row, error) for row, error in zip(rows, store.write(rows), strict=True) if error] if rows else []
    if not bad:
        return None
    row, error = bad[0]
    return BadRecordError(f"{len(bad)} of {len(rows)} rows are refused, the others written; line {row[2]}: {error}")
