"""Results that are kept: whole or not at all, the same for everybody, and gone when their time is over."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.api import DestinationDownError, Enrichment, Options, Result, RetryableError
from connectors.testing import delivery
from hub.enrichment import KeptResults, key_of
from tests.fixtures.s3 import S3Server

LINES = Enrichment("application/jsonl", b'{"n": 1}\n{"n": 2}\n')
KEY = "gemini/0123"
NOW = datetime.now(UTC)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty place."""
    if request.param == "folder":
        return f"file://{tmp_path}/results"
    s3: S3Server = request.getfixturevalue("s3")
    bucket = request.getfixturevalue("bucket")
    for name, value in {
        "AWS_ENDPOINT": s3.endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": s3.region,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
    }.items():
        monkeypatch.setenv(name, value)
    return f"s3://{bucket}/results"


def kept_at(place: str | None, home: Path, max_inline: int = 100) -> KeptResults:
    return KeptResults(place, home, max_inline)


async def test_what_is_kept_is_found_by_everybody(place: str, tmp_path: Path) -> None:
    assert await kept_at(place, tmp_path).find(KEY) is None
    kept = await kept_at(place, tmp_path).keep(KEY, LINES)
    found = await kept_at(place, tmp_path).find(KEY)
    assert found == kept
    assert (kept.body, kept.size, kept.content_type) == (LINES.body, len(LINES.body), "application/jsonl")
    assert kept.sha256 == hashlib.sha256(LINES.body).hexdigest()
    assert kept.uri == f"{place}/{KEY}/{kept.sha256}.jsonl"


async def test_a_large_one_is_a_claim_check(place: str, tmp_path: Path) -> None:
    small, large = (kept_at(place, tmp_path, limit) for limit in (len(LINES.body) - 1, len(LINES.body)))
    kept = await small.keep(KEY, LINES)
    found = await small.find(KEY)
    assert found is not None
    assert kept.body is None
    assert found.body is None
    assert await found.read() == LINES.body
    there = await large.find(KEY)
    assert there is not None
    assert there.body == LINES.body


async def test_what_came_first_is_kept(place: str, tmp_path: Path) -> None:
    first = await kept_at(place, tmp_path).keep(KEY, LINES)
    assert await kept_at(place, tmp_path).keep(KEY, Enrichment("application/json", b"{}")) == first


async def test_of_many_that_fetched_at_once_all_read_what_one_of_them_kept(tmp_path: Path) -> None:
    """On a folder: the S3 server of these tests ignores conditions on a PUT, Amazon's does not."""
    several = [Enrichment("application/json", b"%d" % number) for number in range(8)]
    results = await asyncio.gather(*(kept_at(None, tmp_path).keep(KEY, each) for each in several))
    assert len({result.sha256 for result in results}) == 1
    assert await kept_at(None, tmp_path).find(KEY) == results[0]


async def test_it_is_kept_until_its_time_is_over(place: str, tmp_path: Path) -> None:
    kept = kept_at(place, tmp_path)
    await kept.keep(KEY, LINES)
    assert await kept.prune(NOW - timedelta(days=1)) == 0
    assert await kept.find(KEY) is not None
    assert await kept.prune(NOW + timedelta(hours=1)) == 1
    assert await kept.find(KEY) is None
    assert await kept.prune(NOW + timedelta(days=2)) == 0
    again = await kept.keep(KEY, Enrichment("application/json", b"{}"))
    assert again.body == b"{}"


async def test_nothing_is_left_behind_when_all_is_over(tmp_path: Path) -> None:
    kept = kept_at(None, tmp_path)
    await kept.keep(KEY, LINES)
    await kept.prune(NOW + timedelta(days=2))
    assert list((tmp_path / "enrichments").rglob("*.json*")) == []


@pytest.mark.parametrize("damage", [b"", b"x" * len(LINES.body), None])
async def test_bytes_that_are_damaged_or_lost_are_not_kept_ones(tmp_path: Path, damage: bytes | None) -> None:
    kept = kept_at(None, tmp_path)
    result = await kept.keep(KEY, LINES)
    file = tmp_path / "enrichments" / KEY / f"{result.sha256}.jsonl"
    claim = await kept_at(None, tmp_path, 1).find(KEY)
    assert claim is not None
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
        with pytest.raises(RetryableError, match="SHA-256"):
            await claim.read()
    assert await kept.find(KEY) is None
    again = await kept.keep(KEY, LINES)
    assert again.body == LINES.body
    assert await kept.find(KEY) == again


async def test_a_place_that_cannot_be_used_stops_deliveries_and_ends_none(tmp_path: Path) -> None:
    (tmp_path / "enrichments").write_text("a file where a folder belongs")
    kept = kept_at(None, tmp_path)
    for call in (kept.find(KEY), kept.keep(KEY, LINES), kept.prune(NOW)):
        with pytest.raises(DestinationDownError, match=r"enrichments\.url"):
            await call


def test_one_key_for_all_deliveries_of_an_event_and_for_no_other() -> None:
    event = delivery(Options(), "e1").event
    others = [delivery(Options(), "e2").event, delivery(Options(), "e1", b"2").event]
    others.append(delivery(Options(), "e1", source="gemini-jobs").event)
    assert key_of("r", event) == key_of("r", delivery(Options(), "e1", route="another").event)
    assert len({key_of("r", event), key_of("s", event), *(key_of("r", other) for other in others)}) == 5


@pytest.mark.parametrize(
    ("content_type", "body", "seen"),
    [
        ("application/json", b'{"steps": [1]}', {"steps": [1]}),
        ("application/jsonl", b'{"n": 1}\n\n{"n": 2}', [{"n": 1}, {"n": 2}]),
        ("application/json", b"not JSON", None),
        ("video/mp4", b"{}", None),
        ("application/json", None, None),
    ],
)
def test_templates_see_small_json_and_always_where_it_is(content_type: str, body: bytes | None, seen: object) -> None:
    async def load() -> bytes:
        raise AssertionError("templates fetch nothing")

    sent = delivery(Options())
    result = Result(content_type, 7, "abc", "s3://b/k", body, load)
    document = type(sent)(sent.key, sent.event, sent.route, 1, sent.options, None, result).document
    assert document.get("result") == seen
    assert document["result_file"] == {"uri": "s3://b/k", "size": 7, "sha256": "abc", "content_type": content_type}
    assert {"result_file", "body", "source"} <= set(document)
    assert "result" not in sent.document
