"""Bytes are evidence: whatever is signed is stored byte for byte, whatever is not is a 4xx, and nothing is a 5xx."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.attributes import METADATA_BUDGET
from tests.fixtures.ingress import ingress, sign
from tests.fixtures.webhooks import SECRET

HORRORS = {
    "empty": b"",
    "not json": b"hello",
    "invalid utf-8": b'{"type":"\xff\xfe"}',
    "byte order mark": b'\xef\xbb\xbf{"type":"a"}',
    "utf-16": '{"type":"a"}'.encode("utf-16"),
    "nul": b'{"type":"a\x00b"}',
    "nested arrays": b"[" * 200_000,
    "nested objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "lone surrogate": b'{"type":"\\ud800"}',
    "not a number": b'{"type":NaN}',
    "endless number": b'{"type":' + b"9" * 50_000 + b"}",
    "trailing comma": b'{"type":"a",}',
    "two documents": b'{"type":"a"}{"type":"b"}',
    "array": b'["a"]',
    "null": b"null",
    "type is an object": b'{"type":{"a":1}}',
    "empty type": b'{"type":""}',
}
NAMED = {
    "repeated key": (b'{"type":"a","type":"b"}', "b"),
    "escaped nul": (b'{"type":"a\\u0000b"}', "a\x00b"),
    "line break": (b'{"type":"a\\r\\nx: y"}', "a\r\nx: y"),
    "emoji": ('{"type":"\U0001f4a5"}'.encode(), "\U0001f4a5"),
    "noncharacter": ('{"type":"\uffff"}'.encode(), "\uffff"),
    "number": (b'{"type":7}', "7"),
}


@pytest.mark.parametrize("source", ["gemini", "shop"])
@pytest.mark.parametrize("name", HORRORS)
async def test_a_horror_is_stored_byte_for_byte_under_the_fallback_type(name: str, source: str) -> None:
    async with ingress() as hub:
        answer = await hub.post(f"/in/{source}", HORRORS[name])
        event = hub.writer.event()
        assert (answer.status, event.type, event.body) == (202, "webhook", HORRORS[name])


@pytest.mark.parametrize("name", NAMED)
async def test_a_strange_but_valid_name_survives(name: str) -> None:
    body, event_type = NAMED[name]
    async with ingress() as hub:
        assert (await hub.post("/in/gemini", body)).status == 202
        event = hub.writer.event()
        assert (event.type, event.body) == (event_type, body)


@given(body=st.binary(max_size=300))
async def test_any_signed_bytes_are_stored(body: bytes) -> None:
    async with ingress() as hub:
        for source in ("gemini", "shop"):
            assert (await hub.post(f"/in/{source}", body)).status == 202
        assert [event.body for event in hub.writer.events] == [body, body]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "data", "id", "timestamp", "user_metadata", "team", "deep"]) | st.text(), inner
        )
    ),
    max_leaves=10,
)


@given(body=json)
async def test_any_signed_json_is_stored(body: Any) -> None:
    try:
        data = orjson.dumps(body)
    except TypeError:  # integers beyond 64 bits, lone surrogates
        data = str(body).encode(errors="replace")
    async with ingress() as hub:
        for source in ("gemini", "shop"):
            assert (await hub.post(f"/in/{source}", data)).status == 202
        assert [event.body for event in hub.writer.events] == [data, data]


header_names = st.sampled_from(
    ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "content-length", "traceparent", "host",
     "x-hub-signature-256", "x-github-event", "x-github-delivery", "user-agent", "x-a-event", "date", "cookie"]
)  # fmt: skip
latin1 = st.text(st.characters(max_codepoint=255), max_size=80)


@given(
    headers=st.lists(st.tuples(header_names, latin1), max_size=8),
    path=st.sampled_from(["/in/shop", "/in/gemini", "/in/github"]) | latin1.map(lambda text: "/in/shop/" + text),
    body=st.binary(max_size=50),
)
async def test_garbage_is_refused_with_4xx(headers: list[tuple[str, str]], path: str, body: bytes) -> None:
    async with ingress() as hub:
        answer = await hub.request(path, headers, [body])
        assert 400 <= answer.status < 500
        assert set(answer.json()) == {"error", "message"}
        assert SECRET not in answer.body.decode()
        assert not hub.writer.written


@given(headers=st.lists(st.tuples(header_names.filter(lambda name: name[:8] != "webhook-"), latin1), max_size=8))
async def test_no_header_beside_the_signed_ones_makes_a_5xx(headers: list[tuple[str, str]]) -> None:
    async with ingress() as hub:
        answer = await hub.request("/in/shop", [*sign(b"{}").items(), *headers], [b"{}"])
        assert answer.status in {202, 413}  # 413: a large content-length
        for event in hub.writer.events:
            assert "cookie" not in dict(event.headers)


async def test_an_id_of_any_length_is_stored_and_stays_itself() -> None:
    async with ingress() as hub:
        for event_id in ("a" * 1024, "a" * 1025, "a" * 1026, "a" * 1025):
            headers = sign(b"{}", event_id=event_id)
            assert (await hub.request("/in/shop", headers.items(), [b"{}"])).status == 202
        ids = [event.id for event in hub.writer.events]
        assert ids[0] == "a" * 1024
        assert ids[1].startswith("sha256:")
        assert ids[1] == ids[3] != ids[2]


async def test_names_too_long_are_replaced_by_digests_that_keep_them_apart() -> None:
    async with ingress() as hub:
        for end in ("x", "y"):
            body = orjson.dumps({"type": "t" * 5000 + end, "data": {"id": "é" * 5000 + end}})
            assert (await hub.post("/in/shop", body)).status == 202
        first, second = hub.writer.events
        assert first.type.startswith("sha256:")
        assert first.type != second.type
        assert first.partition_key != second.partition_key


async def test_metadata_over_its_budget_keeps_the_keys_that_fit(caplog: pytest.LogCaptureFixture) -> None:
    metadata = {"a": "x" * 4000, "huge": "y" * 9000, "b": "z" * 3900, "c": "no room", "d": 1}
    async with ingress() as hub:
        answer = await hub.post("/in/gemini", orjson.dumps({"type": "t", "user_metadata": metadata}))
        assert answer.status == 202
        kept = hub.writer.event().metadata
        assert list(kept) == ["a", "b", "c", "d"]
        assert len(orjson.dumps(kept)) <= METADATA_BUDGET
    (record,) = (record for record in caplog.records if record.message == "metadata dropped")
    assert record.__dict__["keys"] == ["huge"]


async def test_metadata_nested_too_deep_to_be_written_is_dropped_and_the_event_stored() -> None:
    body = b'{"type":"t","data":{"id":"1","team":"a","deep":%s}}' % nested(300)
    async with ingress() as hub:
        assert (await hub.post("/in/shop", body)).status == 202
        event = hub.writer.event()
        assert (event.type, event.metadata, event.body) == ("t", {"team": "a"}, body)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


@settings(max_examples=20)
@given(st.dictionaries(st.text(max_size=30), json, max_size=30))
async def test_metadata_of_any_shape_is_no_error_of_ours(metadata: dict[str, Any]) -> None:
    try:
        body = orjson.dumps({"type": "t", "user_metadata": metadata})
    except TypeError:
        return
    async with ingress() as hub:
        assert (await hub.post("/in/gemini", body)).status == 202
