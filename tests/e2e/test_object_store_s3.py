"""The object store on a real S3 server: what is stored is there once, whatever becomes of a request."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.api import ArchiveUnreadableError, Delivery, DestinationDownError, Options, Span
from connectors.destinations.object_store import (
    ObjectConfig,
    ObjectDestination,
    ObjectStoreConfig,
    ObjectStoreDestination,
)
from connectors.testing import context, delivery
from tests.fixtures.s3 import S3Server
from tests.fixtures.s3_faults import Fault, FaultyS3

SPAN = Span("hub.deliveries.archive", "0123abcd", 3, 1200)
NAME = "hub.deliveries.archive-0123abcd-3-00000000000000001200"


def archive(home: Path, **options: Any) -> ObjectStoreDestination:
    return ObjectStoreDestination(ObjectStoreConfig.model_validate(options), context(home))


async def store(destination: ObjectStoreDestination, deliveries: list[Delivery[Options]], tries: int = 1) -> int:
    """How many tries it took."""
    collection = destination.collect(SPAN)
    for each in deliveries:
        collection.add(each)
    for count in range(1, tries + 1):
        try:
            await collection.store()
        except DestinationDownError:
            if count == tries:
                raise
        else:
            return count
    raise AssertionError


def some(count: int) -> list[Delivery[Options]]:
    return [delivery(Options(), id=f"e{n}", type=f"t{n % 3}") for n in range(count)]


@pytest.fixture
async def faulty(s3: S3Server, bucket: str) -> AsyncIterator[FaultyS3]:
    async with FaultyS3(s3.port) as server:
        yield server


@pytest.mark.parametrize("written", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet"])
async def test_what_is_stored_comes_back(tmp_path: Path, s3: S3Server, bucket: str, written: str) -> None:
    destination = archive(tmp_path, **s3.options(bucket, format=written))
    await destination.open()
    deliveries = some(30)
    await store(destination, deliveries)
    assert sorted(s3.objects(bucket)) == [f"archive/gemini/t{n}/date=2026-11-23/{NAME}.{written}" for n in range(3)], (
        "no probe is left, and no more than one object for each path"
    )
    keys = [each.key async for found in destination.objects() for each in found]
    events = [event for key in keys async for found in destination.events(key) for event in found]
    assert sorted(event.id for event in events) == sorted(each.event.id for each in deliveries)
    later = [each.key async for found in destination.objects(after=keys[0]) for each in found]
    assert later == keys[1:]
    with pytest.raises(ArchiveUnreadableError, match="no such"):
        _ = [each async for each in destination.events(f"missing.{written}")]


async def test_a_delivery_is_an_object_of_its_own(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    options = s3.options(bucket, path="{type}/{id}")
    destination = ObjectDestination(ObjectConfig.model_validate(options), context(tmp_path))
    await destination.open()
    for each in some(3):
        await destination.deliver_one(each)
    assert sorted(s3.objects(bucket)) == [f"archive/t{n}/e{n}.json" for n in range(3)]


@pytest.mark.parametrize("fault", list(Fault))
async def test_whatever_becomes_of_a_put_the_objects_are_there_once(
    tmp_path: Path, s3: S3Server, bucket: str, faulty: FaultyS3, fault: Fault
) -> None:
    options = s3.options(bucket, endpoint=faulty.endpoint, format="jsonl", request_timeout="1s")
    destination = archive(tmp_path, **options)
    await destination.open()
    once = archive(tmp_path, **s3.options(s3.create_bucket(), format="jsonl"))
    await once.open()
    deliveries = some(30)
    faulty.faults.extend([fault] * 4)  # more than the client repeats by itself
    assert await store(destination, deliveries, tries=5) > 1
    await store(once, deliveries)
    assert s3.objects(bucket) == s3.objects(once.config.bucket)
    assert s3.unfinished(bucket) == []


async def test_encryption_is_asked_for(tmp_path: Path, s3: S3Server, bucket: str, faulty: FaultyS3) -> None:
    options = s3.options(bucket, endpoint=faulty.endpoint, encryption="aws:kms", kms_key="my-key")
    destination = archive(tmp_path, **options)
    await destination.open()
    await store(destination, some(1))
    assert faulty.puts[-1]["x-amz-server-side-encryption"] == "aws:kms"
    assert faulty.puts[-1]["x-amz-server-side-encryption-aws-kms-key-id"] == "my-key"
    assert faulty.puts[-1]["Content-Type"] == "application/zstd"


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"secret_access_key": "wr0ng"}, "may not write there"),
        ({"url": "s3://no-such-bucket/x"}, "no such bucket"),
        ({"endpoint": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
async def test_a_store_that_cannot_be_written_is_down_from_the_start(
    tmp_path: Path, s3: S3Server, bucket: str, wrong: dict[str, str], complaint: str
) -> None:
    destination = archive(tmp_path, **{**s3.options(bucket), **wrong})
    with pytest.raises(DestinationDownError, match=complaint) as caught:
        await destination.open()
    assert "wr0ng" not in str(caught.value)


async def test_http_is_only_spoken_where_the_endpoint_says_so(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    destination = archive(tmp_path, **s3.options(bucket, endpoint=s3.endpoint.replace("http:", "https:")))
    with pytest.raises(DestinationDownError, match="cannot be reached"):
        await destination.open()


async def test_keys_of_a_profile_are_used(
    tmp_path: Path, s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[ours]\naws_access_key_id = {s3.access_key}\naws_secret_access_key = {s3.secret_key}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    options = dict(s3.options(bucket, profile="ours"))
    del options["access_key_id"], options["secret_access_key"]
    destination = archive(tmp_path, **options)
    await destination.open()
    await store(destination, some(1))
    assert len(s3.objects(bucket)) == 1


async def test_keys_of_the_environment_are_used(
    tmp_path: Path, s3: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.secret_key)
    options = dict(s3.options(bucket))
    del options["access_key_id"], options["secret_access_key"]
    destination = archive(tmp_path, **options)
    await destination.open()
    await store(destination, some(1))
    assert len(s3.objects(bucket)) == 1


async def test_thousands_of_paths_are_as_many_objects(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    destination = archive(tmp_path, **s3.options(bucket, path="{subject}"))
    await destination.open()
    await store(destination, [delivery(Options(), id=f"e{n}", subject=f"s{n}") for n in range(3000)])
    found = [each.key async for listed in destination.objects() for each in listed]
    assert len(set(found)) == 3000


def test_no_option_shows_its_secret() -> None:
    config = ObjectStoreConfig(
        url="s3://b",
        access_key_id=SecretStr("AKIA"),
        secret_access_key=SecretStr("hidden"),
        request_timeout=timedelta(seconds=1),
    )
    assert "hidden" not in repr(config)


def test_an_archive_named_by_its_url_is_read_as_the_environment_says(tmp_path: Path, s3: S3Server, bucket: str) -> None:
    environ = {
        **os.environ,
        "HUB_HOME": str(tmp_path),
        "AWS_ENDPOINT": s3.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": s3.region,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
    }
    destination = archive(tmp_path, **s3.options(bucket))
    asyncio.run(destination.open())
    asyncio.run(store(destination, some(30)))
    command = [sys.executable, "-P", "-m", "hub", "events", "list", "--since", "87600h", "--json"]
    done = subprocess.run(
        [*command, "--archive", f"s3://{bucket}/archive"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 30
