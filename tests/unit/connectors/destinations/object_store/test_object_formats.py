"""Objects hold every event as it was received, by all formats, and give it back byte for byte."""

import gzip
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard

from connectors.api import ArchiveUnreadableError, Delivery, DeliveryKey, Event, Options, Span
from connectors.destinations.object_store import ObjectStoreConfig, ObjectStoreDestination
from connectors.destinations.object_store.client import StoreClient
from connectors.testing import BODIES, context, delivery
from schemas.identity import Run

SPAN = Span("hub.deliveries.archive", "0123abcd", 3, 1200)
NAME = "hub.deliveries.archive-0123abcd-3-00000000000000001200"


async def archive(home: Path, **options: Any) -> ObjectStoreDestination:
    config = ObjectStoreConfig.model_validate({"url": "archive", **options})
    destination = ObjectStoreDestination(config, context(home))
    await destination.open()
    return destination


async def store(destination: ObjectStoreDestination, deliveries: list[Delivery[Any]], span: Span = SPAN) -> None:
    collection = destination.collect(span)
    for each in deliveries:
        collection.add(each)
    await collection.store()


def files(home: Path) -> dict[str, bytes]:
    root = home / "archive"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


async def read_back(destination: ObjectStoreDestination) -> list[Event]:
    keys = [each.key async for found in destination.objects() for each in found]
    return [event for key in keys async for events in destination.events(key) for event in events]


def rich(name: str, body: bytes) -> Delivery[Options]:
    one = delivery(Options(), id=name, body=body, metadata={"team": "search", "body": {"x": 1}})
    event = replace(
        one.event,
        time=datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC),
        endpoint="queue/1",
        content_type="application/json; charset=utf-8",
        verified={"scheme": "v1", "key": "abcd"},
        headers=(("webhook-id", name), ("webhook-id", "twice")),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    return replace(one, event=event)


@pytest.mark.parametrize("written", ["jsonl", "jsonl.gz", "jsonl.zst", "parquet"])
async def test_every_event_comes_back_byte_for_byte(tmp_path: Path, written: str) -> None:
    deliveries = [rich(name, body) for name, body in BODIES.items()]
    destination = await archive(tmp_path, format=written, path="")
    await store(destination, deliveries)
    assert list(files(tmp_path)) == [f"{NAME}.{written}"]
    assert await read_back(destination) == [each.event for each in deliveries]


async def test_any_reader_of_json_lines_understands_them(tmp_path: Path) -> None:
    destination = await archive(tmp_path, format="jsonl", path="{source}/{type}/date={time:%Y-%m-%d}")
    await store(destination, [rich("a", b'{"n": 1.0}'), rich("b", b"{\n}"), rich("c", b"text"), rich("d", b"\xff")])
    [(name, data)] = files(tmp_path).items()
    assert name == f"gemini/batch.succeeded/date=2026-11-22/{NAME}.jsonl"
    lines = [orjson.loads(line) for line in data.splitlines()]
    assert [(line["body_encoding"], line["body"]) for line in lines] == [
        ("json", {"n": 1.0}),
        ("json", {}),
        ("text", "text"),
        ("base64", "/w=="),
    ]
    assert lines[0]["time"] == "2026-11-22T23:59:59.999999Z"
    assert lines[0]["metadata"] == {"team": "search", "body": {"x": 1}}
    assert lines[0]["headers"] == [["webhook-id", "a"], ["webhook-id", "twice"]]
    assert lines[0]["delivery"].startswith("gemini/a~")
    assert all(list(line)[-1] == "body" for line in lines)


async def test_compressed_lines_are_what_their_names_say(tmp_path: Path) -> None:
    for written, unpack in (("jsonl.gz", gzip.decompress), ("jsonl.zst", zstandard.ZstdDecompressor().decompress)):
        destination = await archive(tmp_path / written, format=written, path="")
        await store(destination, [rich("a", b"{}")])
        [data] = files(tmp_path / written).values()
        assert orjson.loads(unpack(data))["id"] == "a"


async def test_raw_objects_are_the_bytes_alone(tmp_path: Path) -> None:
    destination = await archive(tmp_path, format="raw", path="{source}")
    plain = rich("b", b"\xff")
    await store(
        destination,
        [rich("a", b'{"n": 1}'), replace(plain, event=replace(plain.event, content_type="x\r\ny: z"))],
    )
    assert files(tmp_path) == {f"gemini/{NAME}-000000.json": b'{"n": 1}', f"gemini/{NAME}-000001.bin": b"\xff"}
    assert await read_back(destination) == []
    with pytest.raises(ArchiveUnreadableError, match="raw archives cannot be read back"):
        _ = [each async for each in destination.events(f"gemini/{NAME}-000000.json")]


async def test_a_replay_writes_beside_and_is_not_read_back(tmp_path: Path) -> None:
    destination = await archive(tmp_path, format="jsonl", path="{source}")
    live, redriven, replayed = (rich(name, b"{}") for name in "abc")
    redriven = replace(redriven, key=DeliveryKey(redriven.key.id, Run("r1")))
    replayed = replace(replayed, key=DeliveryKey(replayed.key.id, Run("p0123456789ab")))
    await store(destination, [live, redriven, replayed])
    assert list(files(tmp_path)) == [f"gemini/{NAME}.jsonl", f"run=0123456789ab/gemini/{NAME}.jsonl"]
    assert [event.id for event in await read_back(destination)] == ["a", "b"]


async def test_a_repeat_after_a_failure_stores_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = await archive(tmp_path, format="jsonl", path="{subject}")
    deliveries = [delivery(Options(), id=f"e{n}", subject=f"s{n}") for n in range(300)]
    collection = destination.collect(SPAN)
    for each in deliveries:
        collection.add(each)
    put, calls = StoreClient.put, 0

    async def sometimes(self: StoreClient, *args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 150:
            raise ConnectionError
        await put(self, *args)

    monkeypatch.setattr(StoreClient, "put", sometimes)
    collection._put = destination._client.put  # type: ignore[attr-defined]  # it was bound before
    with pytest.raises(ConnectionError):
        await collection.store()
    await collection.store()
    assert len(files(tmp_path)) == 300
    await collection.store()  # nothing is left in it
    assert len(files(tmp_path)) == 300


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda data: data[:-1], "ends in the middle of a line"),
        (lambda data: data.replace(b'"n": 1', b'"n": 2'), "line 2: .*does not have the digest"),
        (lambda data: data + b"{}\n", "line 3: not an archived event"),
        (lambda data: data + b"\xff\xff\n", "line 3: not an archived event"),
    ],
)
async def test_a_damaged_object_is_named(tmp_path: Path, damage: Callable[[bytes], bytes], complaint: str) -> None:
    destination = await archive(tmp_path, format="jsonl", path="")
    await store(destination, [rich("a", b"{}"), rich("b", b'{"n": 1}')])
    path = tmp_path / "archive" / f"{NAME}.jsonl"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ArchiveUnreadableError, match=complaint) as caught:
        await read_back(destination)
    assert NAME in str(caught.value)


@pytest.mark.parametrize("written", ["jsonl.gz", "jsonl.zst", "parquet"])
async def test_what_is_not_compressed_so_is_named(tmp_path: Path, written: str) -> None:
    destination = await archive(tmp_path, format=written)
    (tmp_path / "archive" / f"x.{written}").write_bytes(b"certainly not")
    with pytest.raises(ArchiveUnreadableError, match=f"x.{written}"):
        await read_back(destination)


async def test_objects_are_listed_in_order_from_anywhere(tmp_path: Path) -> None:
    destination = await archive(tmp_path, format="jsonl", path="{subject}")
    await store(destination, [delivery(Options(), id=s, subject=s) for s in ("b", "a", "c")])
    (tmp_path / "archive" / "readme.txt").write_text("not the hub's")
    keys = [each.key async for found in destination.objects() for each in found]
    assert keys == [f"{s}/{NAME}.jsonl" for s in "abc"]
    later = [each.key async for found in destination.objects(after=keys[0]) for each in found]
    assert later == keys[1:]


async def test_what_a_killed_process_left_is_cleaned_up(tmp_path: Path) -> None:
    root = tmp_path / "archive"
    root.mkdir()
    old, young, object_ = root / "x.jsonl#1", root / "y.jsonl#1", root / "x.jsonl"
    for path in (old, young, object_):
        path.touch()
    hours_ago = (datetime.now(UTC) - timedelta(hours=2)).timestamp()
    os.utime(old, (hours_ago, hours_ago))
    await archive(tmp_path)
    assert sorted(files(tmp_path)) == ["x.jsonl", "y.jsonl#1"]
