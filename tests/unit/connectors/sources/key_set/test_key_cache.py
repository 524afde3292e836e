"""What is asked of a key server, and when: rotation, outage, and floods of garbage, on a clock of our own."""

import asyncio
import logging
from datetime import timedelta

import pytest

from connectors.api import KeysUnavailableError
from connectors.sources.key_set.cache import BURST, PAUSE, STALE, KeyCache
from connectors.sources.key_set.keys import KeySet
from tests.fixtures.asymmetric import ED25519, OTHER_ED25519
from tests.fixtures.ingress import until
from tests.fixtures.key_servers import Clock, MemoryKeyServer

OVERLAP = timedelta(minutes=5)
ED, OTHER = ED25519.jwk, OTHER_ED25519.jwk


def cache(server: MemoryKeyServer, clock: Clock) -> KeyCache:
    log = logging.getLogger("keys")
    return KeyCache(server, overlap=OVERLAP, log=log, clock=clock, sleep=clock.sleep)


def knows(kid: str) -> "Attempt":
    return Attempt(kid)


class Attempt:
    def __init__(self, kid: str) -> None:
        self.kid = kid
        self.calls = 0

    def __call__(self, keys: KeySet) -> str | None:
        self.calls += 1
        return next((key.kid for key in keys.keys if key.kid == self.kid), None)


async def test_the_first_request_fetches_and_the_next_ones_do_not() -> None:
    server = MemoryKeyServer([ED])
    keys = cache(server, Clock())
    for _ in range(3):
        assert await keys.find(knows("ed-1")) == "ed-1"
    assert server.fetches == 1


async def test_a_key_that_was_published_a_moment_ago_is_found_at_once() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    await keys.find(knows("ed-1"))
    server.jwks = [OTHER]
    clock.go(0.001)
    assert await keys.find(knows("ed-2")) == "ed-2"


async def test_a_flood_of_unknown_keys_causes_a_handful_of_fetches() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    for _ in range(1000):
        assert await keys.find(knows("nobody")) is None
    assert server.fetches == BURST
    for _ in range(1000):
        clock.go(PAUSE / 100)
        assert await keys.find(knows("nobody")) is None
    assert server.fetches in {BURST + 9, BURST + 10}  # the allowance is a sum of fractions
    assert await keys.find(knows("ed-1")) == "ed-1"


async def test_requests_at_the_same_time_share_one_fetch() -> None:
    server = MemoryKeyServer([ED], gate=asyncio.Event())
    keys = cache(server, Clock())
    requests = [asyncio.create_task(keys.find(knows("ed-1"))) for _ in range(50)]
    await until(lambda: server.fetches == 1)
    assert server.gate is not None
    server.gate.set()
    assert await asyncio.gather(*requests) == ["ed-1"] * 50
    assert server.fetches == 1


async def test_a_slow_key_server_holds_up_no_more_than_a_hundred_requests() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    await keys.find(knows("ed-1"))
    server.gate = asyncio.Event()
    flood = [asyncio.create_task(keys.find(knows("nobody"))) for _ in range(300)]
    await until(lambda: sum(task.done() for task in flood) == 200)
    assert {type(task.exception()) for task in flood if task.done()} == {KeysUnavailableError}
    assert await keys.find(knows("ed-1")) == "ed-1"  # what a known key decides does not wait
    server.gate.set()
    await asyncio.wait(flood)
    assert server.fetches == 2


async def test_a_sender_that_gives_up_does_not_take_the_fetch_of_others_along() -> None:
    server = MemoryKeyServer([ED], gate=asyncio.Event())
    keys = cache(server, Clock())
    impatient = asyncio.create_task(keys.find(knows("ed-1")))
    patient = asyncio.create_task(keys.find(knows("ed-1")))
    await until(lambda: server.fetches == 1)
    impatient.cancel()
    await asyncio.wait([impatient])
    assert server.gate is not None
    server.gate.set()
    assert await patient == "ed-1"


async def test_a_key_that_vanished_counts_for_its_overlap_and_no_longer() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    await keys.find(knows("ed-1"))
    server.jwks = [OTHER]
    await keys.find(knows("ed-2"))
    clock.go(OVERLAP.total_seconds() - 1)
    assert await keys.find(knows("ed-1")) == "ed-1"
    clock.go(1)
    assert await keys.find(knows("ed-1")) is None


async def test_a_key_that_comes_back_is_no_longer_retired() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    for jwks in ([ED], [OTHER], [ED, OTHER]):
        server.jwks = list(jwks)
        clock.go(PAUSE * BURST)
        await keys.find(knows("nobody"))
    clock.go(OVERLAP.total_seconds() * 2)
    assert await keys.find(knows("ed-1")) == "ed-1"
    assert len(keys.keys().keys) == 2


async def test_while_the_key_server_is_away_known_keys_decide_and_the_rest_is_not_refused_for_good() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    await keys.find(knows("ed-1"))
    server.away = True
    for _ in range(100):
        clock.go(PAUSE)
        assert await keys.find(knows("ed-1")) == "ed-1"
        with pytest.raises(KeysUnavailableError):
            await keys.find(knows("ed-2"))
    server.away, server.jwks = False, [OTHER]
    clock.go(PAUSE)
    assert await keys.find(knows("ed-2")) == "ed-2"
    assert await keys.find(knows("nobody")) is None


async def test_without_any_key_nothing_is_refused_for_good() -> None:
    keys = cache(MemoryKeyServer(away=True), Clock())
    for _ in range(BURST + 5):
        with pytest.raises(KeysUnavailableError):
            await keys.find(knows("ed-1"))


async def test_an_answer_that_is_no_key_set_leaves_the_known_keys() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    keys.open()
    await until(lambda: bool(clock.sleeping))
    server.away = True
    clock.go(3600)
    await until(lambda: server.fetches == 2)
    assert await keys.find(knows("ed-1")) == "ed-1"
    await keys.close()


async def test_keys_that_nobody_confirms_for_days_no_longer_count() -> None:
    server, clock = MemoryKeyServer([ED]), Clock()
    keys = cache(server, clock)
    await keys.find(knows("ed-1"))
    server.away = True
    clock.go(STALE)
    assert await keys.find(knows("ed-1")) == "ed-1"
    clock.go(1)
    with pytest.raises(KeysUnavailableError):
        await keys.find(knows("ed-1"))


async def test_an_open_source_fetches_by_itself_when_the_answer_is_no_longer_fresh() -> None:
    server, clock = MemoryKeyServer([ED], lifetime=600.0), Clock()
    keys = cache(server, clock)
    keys.open()
    await until(lambda: len(clock.sleeping) == 1)
    attempt = knows("ed-1")
    assert await keys.find(attempt) == "ed-1"
    assert (server.fetches, attempt.calls) == (1, 1)
    server.jwks = [OTHER]
    clock.go(599)
    assert [key.kid for key in keys.keys().keys] == ["ed-1"]
    clock.go(1)
    await until(lambda: len(clock.sleeping) == 2)
    assert server.fetches == 2
    assert [key.kid for key in keys.keys().keys] == ["ed-2", "ed-1"]
    await keys.close()


async def test_the_background_asks_again_with_growing_pauses() -> None:
    server, clock = MemoryKeyServer(away=True), Clock()
    keys = cache(server, clock)
    keys.open()
    pauses = []
    for count in range(1, 10):
        await until(lambda count=count: len(clock.sleeping) == count)  # type: ignore[misc]  # mypy sees no default in a lambda
        pauses.append(clock.sleeping[-1][0] - clock.seconds)
        clock.go(pauses[-1])
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    await keys.close()


async def test_a_closed_cache_leaves_no_task() -> None:
    server = MemoryKeyServer([ED], gate=asyncio.Event())
    keys = cache(server, Clock())
    keys.open()
    await until(lambda: server.fetches == 1)
    before = asyncio.all_tasks()
    await keys.close()
    ended = {task.get_name() for task in before - asyncio.all_tasks()}
    assert ended == {f"keys of {server.url}", f"fetch {server.url}"}


async def test_a_server_with_ever_new_keys_does_not_fill_the_memory() -> None:
    server, clock = MemoryKeyServer(), Clock()
    keys = cache(server, clock)
    for number in range(20):
        server.jwks = [{**ED, "kid": f"{number}-{each}"} for each in range(100)]
        clock.go(PAUSE)
        await keys.find(knows("nobody"))
    assert len(keys.keys().keys) == 200
