"""The built-in destinations keep the contract that every plugin's have to keep."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.destinations.console import ConsoleDestination
from connectors.destinations.database import DatabaseDestination
from connectors.destinations.http import HttpDestination
from connectors.destinations.kafka import KafkaDestination
from connectors.destinations.object_store import ObjectStoreDestination
from connectors.destinations.slack import SlackDestination
from connectors.testing import destination_suite
from hub.log.connection import KafkaConnection
from tests.fake_slack import TOKEN, FakeSlack
from tests.fixtures.endpoint import Endpoint, answers
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.rows import postgres_rows, sqlite_rows
from tests.fixtures.s3 import S3Server
from tests.fixtures.webhooks import OTHER_SECRET, SECRET


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as server:
        yield server


def by_webhook(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    return {"webhook_url": request.getfixturevalue("slack").webhook_url}


def by_web_api(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    return {"token": TOKEN, "channel": "#alerts", "api_url": request.getfixturevalue("slack").api_url}


@asynccontextmanager
async def slack_answers_503(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    slack: FakeSlack = request.getfixturevalue("slack")
    slack.answers.extend(web.Response(status=503) for _ in range(100))
    yield
    slack.answers.clear()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint() as server:
        yield server


def at_endpoint(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    headers = {"Authorization": "Bearer only-the-receiver-knows", "X-Job": "{{ subject }} {{ body }}"}
    return {"url": request.getfixturevalue("endpoint").url, "secrets": [SECRET, OTHER_SECRET], "headers": headers}


@asynccontextmanager
async def endpoint_answers_503(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    endpoint: Endpoint = request.getfixturevalue("endpoint")
    endpoint.scripts.extend(answers(503) for _ in range(100))
    yield
    endpoint.scripts.clear()


@asynccontextmanager
async def endpoint_is_gone(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    endpoint: Endpoint = request.getfixturevalue("endpoint")
    await endpoint.__aexit__()
    yield
    await endpoint.__aenter__()


def in_postgresql(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    return {"url": request.getfixturevalue("postgres_database")}


async def rows_of_postgresql(request: pytest.FixtureRequest) -> object:
    query = "SELECT * FROM events ORDER BY source, id"
    return await asyncio.to_thread(postgres_rows, request.getfixturevalue("postgres_database"), query)


@asynccontextmanager
async def postgresql_stopped(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    server: PostgresServer = request.getfixturevalue("postgres")
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


async def rows_of_sqlite(request: pytest.FixtureRequest) -> object:
    home: Path = request.getfixturevalue("tmp_path")
    return sqlite_rows(home / "events.db", "SELECT * FROM events ORDER BY source, id")


def in_a_bucket(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    server: S3Server = request.getfixturevalue("s3")
    return server.options(request.getfixturevalue("bucket"), request_timeout="5s")


async def objects_of_the_bucket(request: pytest.FixtureRequest) -> object:
    server: S3Server = request.getfixturevalue("s3")
    return await asyncio.to_thread(server.objects, request.getfixturevalue("bucket"))


async def files_of_the_folder(request: pytest.FixtureRequest) -> object:
    home: Path = request.getfixturevalue("tmp_path")
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@asynccontextmanager
async def s3_is_gone(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    server: S3Server = request.getfixturevalue("s3")
    server.kill()
    yield
    await asyncio.to_thread(server.start)


TestConsole = destination_suite(ConsoleDestination, config={})
TestHttp = destination_suite(HttpDestination, config=at_endpoint, outage=endpoint_is_gone)
TestHttpWithItsOwnBody = destination_suite(
    HttpDestination,
    config=at_endpoint,
    options={"body": {"text": "{{ type }} {{ body }} {{ data.data | default('none') }}"}},
    outage=endpoint_answers_503,
)
TestSlackWebhook = destination_suite(SlackDestination, config=by_webhook, outage=slack_answers_503)
TestSlackWebApi = destination_suite(
    SlackDestination,
    config=by_web_api,
    options={"text": "{{ type }} {{ body }} {{ data.data | default('none') }}"},
    outage=slack_answers_503,
)
TestSqlite = destination_suite(DatabaseDestination, config={"url": "sqlite:///events.db"}, read_back=rows_of_sqlite)
TestPostgresql = destination_suite(
    DatabaseDestination, config=in_postgresql, read_back=rows_of_postgresql, outage=postgresql_stopped
)
TestObjectStoreS3 = destination_suite(
    ObjectStoreDestination, config=in_a_bucket, read_back=objects_of_the_bucket, outage=s3_is_gone
)
TestObjectStoreParquet = destination_suite(
    ObjectStoreDestination, config={"url": "archive", "format": "parquet"}, read_back=files_of_the_folder
)
TestObjectStoreRaw = destination_suite(
    ObjectStoreDestination, config={"url": "archive", "format": "raw"}, read_back=files_of_the_folder
)


def in_kafka(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    kafka: KafkaConnection = request.getfixturevalue("kafka")
    return {"topic": f"conform-{request.getfixturevalue('topics').hub}", "bootstrap_servers": kafka.bootstrap}


TestKafka = destination_suite(KafkaDestination, in_kafka, options={"key": "{{ id }}"})
