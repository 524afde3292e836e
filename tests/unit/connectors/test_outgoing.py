"""Outgoing requests cannot be turned inwards."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from connectors.outgoing import ForbiddenAddressError, OutgoingHttp, RedirectRefusedError, is_public

SECOND = timedelta(seconds=1)

PRIVATE = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "100::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:a00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "192.88.99.1",
    "3fff::1",
)

PUBLIC = (
    "1.1.1.1",
    "8.8.8.8",
    "9.9.9.9",
    "172.15.255.255",
    "172.32.0.1",
    "192.88.98.1",
    "193.0.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80e::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::",
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_let_through(address: str) -> None:
    assert is_public(address)


class CountingServer:
    """Answers every request; remembers how many connections there were."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.answer: dict[str, Any] = {"text": "inside"}
        self.silent: asyncio.Event | None = None

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.requests.append((request.method, request.path))
        if self.silent is not None:
            await self.silent.wait()
        return web.Response(**self.answer)


@pytest.fixture
async def inside(unused_port: int) -> AsyncIterator[CountingServer]:
    server = CountingServer()
    runner = web.ServerRunner(web.Server(server.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_port).start()
    yield server
    await runner.cleanup()


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Dns(AbstractResolver):
    """Gives the next answer at each question, and the last one ever after."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


@asynccontextmanager
async def guarded(dns: Dns | None = None, **options: Any) -> AsyncIterator[aiohttp.ClientSession]:
    async with OutgoingHttp(**options).session(timeout=5 * SECOND) as session:
        if dns is not None:
            assert isinstance(session.connector, aiohttp.TCPConnector)
            await session.connector._resolver.close()
            session.connector._resolver = dns
            session.connector._use_dns_cache = False
        yield session


async def refused(session: aiohttp.ClientSession, url: str) -> BaseException:
    with pytest.raises(aiohttp.ClientError) as caught:
        await session.post(url)
    return caught.value


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0"])
async def test_a_literal_or_local_host_is_refused_before_anything_is_sent(
    inside: CountingServer, unused_port: int, host: str
) -> None:
    async with guarded() as session:
        error = await refused(session, f"http://{host}:{unused_port}/")
    assert isinstance(error, aiohttp.ClientConnectorError)
    assert "is not a public address" in str(error)
    assert inside.requests == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1."])
async def test_an_odd_spelling_of_loopback_is_refused(inside: CountingServer, unused_port: int, host: str) -> None:
    async with guarded() as session:
        await refused(session, f"http://{host}:{unused_port}/")
    assert inside.requests == []


async def test_a_name_that_leads_inwards_is_refused(inside: CountingServer, unused_port: int) -> None:
    async with guarded(Dns(["127.0.0.1"])) as session:
        await refused(session, f"http://hooks.example.com:{unused_port}/")
    async with guarded(Dns(["::ffff:127.0.0.1", "127.0.0.1"])) as session:
        await refused(session, f"http://hooks.example.com:{unused_port}/")
    assert inside.requests == []


async def test_a_name_that_changes_its_answer_is_refused_at_the_dial(
    inside: CountingServer, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[str] = []

    def public_until_now(address: str) -> bool:
        dialled.append(address)
        return len(dialled) == 1

    monkeypatch.setattr("connectors.outgoing.is_public", public_until_now)
    async with guarded(Dns(["127.0.0.1"])) as session:
        async with session.post(f"http://rebinding.example.com:{unused_port}/", headers={"Connection": "close"}):
            pass
        await refused(session, f"http://rebinding.example.com:{unused_port}/")
    assert dialled == ["127.0.0.1"] * 2, "each connection is checked anew"
    assert len(inside.requests) == 1


async def test_a_public_answer_beside_a_private_one_does_not_let_the_private_one_through(
    inside: CountingServer, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.outgoing.is_public", lambda address: address == "127.0.0.2")
    for answers in (["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"]):  # nobody listens on 127.0.0.2
        async with guarded(Dns(answers)) as session:
            await refused(session, f"http://mixed.example.com:{unused_port}/")
    assert inside.requests == []


async def test_a_redirect_is_refused_and_its_connection_closed(inside: CountingServer, unused_port: int) -> None:
    for status in (301, 302, 303, 307, 308):
        inside.answer = {"status": status, "headers": {"Location": "https://example.com/elsewhere"}}
        async with guarded(allow_private=True) as session:
            with pytest.raises(RedirectRefusedError, match=str(status)):
                await session.post(f"http://127.0.0.1:{unused_port}/")


async def test_a_redirect_that_may_be_followed_still_cannot_lead_inwards(
    inside: CountingServer, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first hop is let through as if it were public; the second is a real check.
    monkeypatch.setattr("connectors.outgoing.is_public", lambda address: address == "127.0.0.1")
    inside.answer = {"status": 302, "headers": {"Location": f"http://127.0.0.2:{unused_port}/secret"}}
    async with OutgoingHttp().session(timeout=SECOND, follow_redirects=True) as session:
        error = await refused(session, f"http://127.0.0.1:{unused_port}/")
    assert "127.0.0.2 is not a public address" in str(error)
    assert inside.requests == [("POST", "/")]


async def test_proxies_of_the_environment_are_ignored(
    inside: CountingServer, unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with guarded(allow_private=True) as session, session.get(f"http://127.0.0.1:{unused_port}/") as answer:
        assert await answer.text() == "inside"


async def test_no_target_chooses_what_later_requests_carry(inside: CountingServer, unused_port: int) -> None:
    inside.answer = {"headers": {"Set-Cookie": "a=1"}}
    async with guarded(Dns(["127.0.0.1"]), allow_private=True) as session:
        await session.get(f"http://hooks.example.com:{unused_port}/")
        assert not list(session.cookie_jar)


async def test_private_addresses_are_reached_when_allowed(inside: CountingServer, unused_port: int) -> None:
    async with guarded(allow_private=True) as session, session.get(f"http://127.0.0.1:{unused_port}/") as answer:
        assert await answer.text() == "inside"


async def test_a_request_ends_by_its_timeout(inside: CountingServer, unused_port: int) -> None:
    inside.silent = asyncio.Event()
    async with OutgoingHttp(allow_private=True).session(timeout=SECOND / 10) as session:
        with pytest.raises(TimeoutError):
            await session.get(f"http://127.0.0.1:{unused_port}/")
    inside.silent.set()


def test_the_error_says_what_to_do() -> None:
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.1.2.3", 80))
    with pytest.raises(ForbiddenAddressError, match=r"10\.1\.2\.3 is not a public address; set HUB_ALLOW_PRIVATE=1"):
        OutgoingHttp()._socket(info)
