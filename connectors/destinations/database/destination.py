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
    DeliveryError,
    DeliveryKey,
    DestinationDownError,
    Effect,
    Options,
    Outcomes,
)
from connectors.destinations.database.config import DatabaseConfig
from connectors.destinations.database.dialect import Dialect
from connectors.destinations.database.postgresql import PostgreSQL
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

    def _new_store(self) -> Store:
        url = self.config.sqlalchemy_url(self.context.home)
        table = table_named(self.config.table, self.config.key)
        dialect = _DIALECTS[url.get_backend_name()](table, self.config.statement_timeout)
        return Store(url, dialect, self.log)

    async def _run(self, work: Callable[[], ResultT]) -> ResultT:
        # One thread: SQLite writes one at a time anyway, and two batches of one worker cannot deadlock.
        assert self._thread is not None
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
