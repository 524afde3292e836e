"""A PostgreSQL that dies, comes back, and refuses: nothing is lost, and everybody is told the right thing."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.api import Batch, DeliveryError, DestinationDownError, Options, RetryableError
from connectors.destinations.database import DatabaseConfig, DatabaseDestination
from connectors.testing import context, delivery
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.rows import outcomes, postgres_rows


@pytest.fixture
def running(postgres: PostgresServer) -> Iterator[PostgresServer]:
    yield postgres
    if not postgres.running:
        postgres.start()


def database(home: Path, url: str, **options: Any) -> DatabaseDestination:
    return DatabaseDestination(DatabaseConfig.model_validate({"url": url, **options}), context(home))


async def test_a_server_killed_in_the_middle_recovers_and_loses_nothing(
    running: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    target = database(tmp_path, postgres_database)
    await target.open()
    acknowledged: list[str] = []
    failures: list[DeliveryError] = []
    enough, failed = asyncio.Event(), asyncio.Event()

    async def deliver_on() -> None:
        for number in range(100):
            ids = [f"{number}-{index}" for index in range(50)]
            while True:
                try:
                    errors = await outcomes(target, [delivery(Options(), each) for each in ids])
                except DeliveryError as error:
                    failures.append(error)
                    failed.set()
                    await asyncio.sleep(0.01)
                    continue
                assert not any(errors)
                break
            acknowledged.extend(ids)
            if len(acknowledged) > 1000:
                enough.set()

    delivering = asyncio.create_task(deliver_on())
    await enough.wait()
    await asyncio.to_thread(running.kill)
    await failed.wait()
    await asyncio.to_thread(running.start)
    await delivering
    await target.close()
    assert {type(error) for error in failures} <= {DestinationDownError, RetryableError}
    assert set(postgres_rows(postgres_database, "SELECT id FROM events")) == {(each,) for each in acknowledged}


async def test_a_server_that_is_stopped_is_down_until_it_is_back(
    running: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    target = database(tmp_path, postgres_database)
    await target.open()
    await asyncio.to_thread(running.stop)
    for _ in range(2):
        with pytest.raises(DestinationDownError) as caught:
            await target.deliver(Batch([delivery(Options())]))
        assert running.password not in f"{caught.value} {caught.value.__cause__}"
    another = database(tmp_path, postgres_database)
    with pytest.raises(DestinationDownError):
        await another.open()
    await another.close()
    await asyncio.to_thread(running.start)
    assert await outcomes(target, [delivery(Options())]) == [None]
    await target.close()


async def test_a_connection_ended_while_idle_costs_no_attempt(postgres_database: str, tmp_path: Path) -> None:
    target = database(tmp_path, postgres_database)
    await target.open()
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'event-hub'"
    assert postgres_rows(postgres_database, ended) == [(True,)]
    assert await outcomes(target, [delivery(Options())]) == [None]
    await target.close()


async def test_a_wrong_password_is_down_and_not_shown(
    postgres: PostgresServer, postgres_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = database(tmp_path, postgres_database.replace(postgres.password, "wr0ng-p4ss"))
    with pytest.raises(DestinationDownError) as caught:
        await target.open()
    await target.close()
    assert "wr0ng-p4ss" not in f"{caught.value!r} {caught.value.__cause__!r} {caplog.text} {target.config!r}"


async def test_no_such_database_and_nonsense_options_are_down(postgres: PostgresServer, tmp_path: Path) -> None:
    for url in (
        postgres.url("nowhere"),
        postgres.url() + "?sslmode=nonsense",
        postgres.url() + "?sslmode=require",
        postgres.url() + "?no_such_option=1",
        postgres.url().replace("127.0.0.1", "no-such-host.invalid"),
    ):
        target = database(tmp_path, url)
        with pytest.raises(DestinationDownError) as caught:
            await target.open()
        await target.close()
        assert postgres.password not in f"{caught.value} {caught.value.__cause__}"


async def test_a_server_that_accepts_and_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        target = database(tmp_path, f"postgresql://u:p@127.0.0.1:{port}/d?connect_timeout=2")
        with pytest.raises(DestinationDownError):
            async with asyncio.timeout(10):
                await target.open()
        await target.close()
    for thread in threading.enumerate():
        if thread.name.startswith("database-"):
            thread.join(5)
            assert not thread.is_alive()
