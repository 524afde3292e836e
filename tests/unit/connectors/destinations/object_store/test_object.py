"""``type: object``: each delivery is one object, of what was fetched for it or of what was received."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.api import Delivery, DestinationDownError, Options, Result
from connectors.destinations.object_store import ObjectConfig, ObjectDestination
from connectors.testing import context, delivery


async def opened(home: Path, **options: Any) -> ObjectDestination:
    destination = ObjectDestination(ObjectConfig.model_validate({"url": "files", **options}), context(home))
    await destination.open()
    return destination


def files(home: Path) -> Mapping[str, bytes]:
    root = home / "files"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def of_type(content_type: str | None, **event: Any) -> Delivery[Options]:
    one = delivery(Options(), **event)
    return replace(one, event=replace(one.event, content_type=content_type))


def with_result(content_type: str, body: bytes, *, inline: bool) -> Delivery[Options]:
    async def load() -> bytes:
        return body

    digest = hashlib.sha256(body).hexdigest()
    found = Result(content_type, len(body), digest, "file:///kept", body if inline else None, load)
    return replace(delivery(Options(), id="e1"), result=found)


async def test_the_bytes_that_were_received_are_an_object_with_the_ending_of_their_type(tmp_path: Path) -> None:
    destination = await opened(tmp_path, path="{subject}/{id}")
    await destination.deliver_one(of_type("application/json", id="a", subject="1", body=b'{"n": 1}'))
    await destination.deliver_one(of_type("text/plain; charset=utf-8", id="b", subject="1", body=b"text"))
    await destination.deliver_one(of_type("not a type\r\nx: y", id="c", subject="../2", body=b"\x00\xff"))
    await destination.deliver_one(of_type(None, id="d", subject="1", body=b""))
    assert files(tmp_path) == {
        "..%2F2/c.bin": b"\x00\xff",
        "1/a.json": b'{"n": 1}',
        "1/b.txt": b"text",
        "1/d.bin": b"",
    }


@pytest.mark.parametrize("inline", [True, False])
async def test_what_was_fetched_takes_the_place_of_the_body_whatever_its_size(tmp_path: Path, inline: bool) -> None:
    destination = await opened(tmp_path, path="{id}")
    await destination.deliver_one(with_result("application/jsonl", b'{"key": "a"}\n', inline=inline))
    assert files(tmp_path) == {"e1.jsonl": b'{"key": "a"}\n'}


async def test_a_repeat_replaces_what_it_repeats(tmp_path: Path) -> None:
    destination = await opened(tmp_path)
    for _ in range(2):
        await destination.deliver_one(of_type("application/json", id="a", type="t", body=b"1"))
    assert files(tmp_path) == {"gemini/t/a.json": b"1"}


async def test_nothing_is_delivered_to_a_store_that_is_not_open(tmp_path: Path) -> None:
    destination = await opened(tmp_path)
    await destination.close()
    with pytest.raises(DestinationDownError):
        await destination.deliver_one(delivery(Options()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": ""}, "needs a name"),
        ({"path": "{nothing}"}, "there is no field"),
        ({"path": "/".join(["{subject}"] * 9)}, "a key could have"),
        ({"format": "raw"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_a_key_is_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ObjectConfig.model_validate({"url": "files", **options})
