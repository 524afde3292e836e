"""The one request to a key server, over real HTTP: conditional, bounded, and never somewhere else."""

from datetime import timedelta

import pytest

from connectors.api import OutgoingHttp
from connectors.sources.key_set.fetch import MOST_BYTES, KeyServerError, KeySetEndpoint
from tests.fixtures.asymmetric import ED25519, key_set
from tests.fixtures.endpoint import Endpoint, Script, answers, begins, hang, reset, says
from tests.fixtures.key_servers import publishes
from tests.fixtures.ports import free_port

ED = ED25519.jwk


def key_server(endpoint: Endpoint, *, timeout: float = 5.0) -> KeySetEndpoint:
    return KeySetEndpoint(endpoint.url, OutgoingHttp(allow_private=True), timedelta(seconds=timeout))


async def test_an_etag_is_given_back_and_304_means_the_same_keys() -> None:
    async with Endpoint() as endpoint:
        endpoint.scripts.append(publishes(ED, headers={"ETag": 'W/"7"', "Cache-Control": "max-age=600"}))
        endpoint.scripts.append(answers(304, {"Cache-Control": "max-age=700"}))
        first = await key_server(endpoint).fetch(None)
        second = await key_server(endpoint).fetch(first.etag)
    assert first.keys is not None
    assert (first.etag, first.lifetime) == ('W/"7"', 600)
    assert (second.keys, second.etag, second.lifetime) == (None, 'W/"7"', 700)
    assert [each.header("if-none-match") for each in endpoint.received] == [None, 'W/"7"']


@pytest.mark.parametrize(
    "script",
    [
        answers(500),
        answers(404),
        answers(204),
        answers(304),
        answers(200, {}, b"<html>moved</html>"),
        answers(200, {}, key_set(*[ED] * 101)),
        answers(200, {}, key_set(ED) + b" " * MOST_BYTES),
        answers(301, {"Location": "http://127.0.0.1:1/"}),
        says(b"rubbish\r\n\r\n"),
        begins(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", reset),
    ],
)
async def test_an_answer_that_is_no_key_set_is_an_outage(script: Script) -> None:
    async with Endpoint() as endpoint:
        endpoint.scripts.append(script)
        with pytest.raises(KeyServerError):
            await key_server(endpoint).fetch(None)
        assert len(endpoint.received) == 1


async def test_a_server_that_never_finishes_is_given_up() -> None:
    async with Endpoint() as endpoint:
        endpoint.scripts.append(begins(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", hang))
        with pytest.raises(KeyServerError, match=r"within 0\.2 s"):
            await key_server(endpoint, timeout=0.2).fetch(None)


async def test_nobody_at_the_address_is_an_outage() -> None:
    server = KeySetEndpoint(f"http://127.0.0.1:{free_port()}/", OutgoingHttp(allow_private=True))
    with pytest.raises(KeyServerError):
        await server.fetch(None)


async def test_an_address_inside_is_not_asked() -> None:
    async with Endpoint() as endpoint:
        server = KeySetEndpoint(endpoint.url, OutgoingHttp())
        with pytest.raises(KeyServerError, match="not a public address"):
            await server.fetch(None)
        assert not endpoint.connections
