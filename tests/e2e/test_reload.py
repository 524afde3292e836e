"""The configuration changes while events come in: nothing is lost, nothing undecided, nobody is restarted."""

import asyncio
import logging
from pathlib import Path

import pytest

from hub.config.live import LiveConfiguration
from hub.log.connection import KafkaConnection
from hub.log.topics import Topics
from schemas.outcome import OutcomeState
from tests.fixtures.change import Changing, monotone, until_true
from tests.fixtures.project import PARTITIONS, make_event

pytestmark = pytest.mark.timeout(180)

ONE = "{out: {type: console}}"
NOWHERE = "{type: http, url: 'http://127.0.0.1:9/', retry: {backoff: 500ms, max_backoff: 500ms}}"
TO_ONE = "[{id: all, to: out, when: {source: [github]}}]"


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Changing:
    return Changing(tmp_path, kafka, topics, ONE, TO_ONE)


async def test_two_workers_take_up_a_new_destination_under_load(hub: Changing) -> None:
    first = hub.revision()
    async with hub.working(home="a") as a, hub.working(home="b") as b, hub.load() as ids:
        await until_true(lambda: len(hub.outcomes("out")) > 100, what="the first outcomes")
        second = await hub.apply(
            "{out: {type: console}, two: {type: console}}",
            "[{id: all, to: [out, two], when: {source: [github]}}]",
        )
        await until_true(lambda: {a.current.revision, b.current.revision} == {second}, what="the second revision")
        await until_true(lambda: len(hub.outcomes("two")) > 100, what="outcomes of the new destination")
    async with hub.working(home="a"):
        await until_true(lambda: not hub.undecided(ids) and not hub.undelivered(), what="every end")
    assert monotone(hub.decisions(), [first, second])
    assert {one.revision for each in hub.decisions().values() for one in each} == {first, second}
    assert hub.repeats("out") == hub.repeats("two") == 0


async def test_nothing_is_decided_before_all_that_is_in_force_is_known(
    hub: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who decided in this partition before may have known it."""
    asked, known = list[LiveConfiguration](), asyncio.Event()

    async def late(live: LiveConfiguration) -> None:
        asked.append(live)
        await known.wait()

    monkeypatch.setattr(LiveConfiguration, "up_to_date", late)
    await hub.apply(ONE, TO_ONE)
    await asyncio.to_thread(hub.receive, *[make_event(f"e{n}") for n in range(6)])
    async with hub.working("route"):
        await until_true(lambda: len(asked) == PARTITIONS, what="a question for each partition")
        assert hub.decisions() == {}
        known.set()
        await until_true(lambda: not hub.undecided([f"e{n}" for n in range(6)]), what="every decision")


async def test_a_removed_destination_is_retired_and_still_gets_what_was_decided(hub: Changing) -> None:
    await hub.apply("{out: {type: console}, two: {type: console}}", "[{id: both, to: [out, two]}]")
    async with hub.working() as worker:
        await asyncio.to_thread(hub, "pause", "two")
        async with hub.load() as ids:
            await until_true(lambda: len(hub.outcomes("out")) > 100)
            revision = await hub.apply(ONE, TO_ONE)
            await until_true(lambda: worker.current.revision == revision, what="the switch, which must not wait")
        await until_true(lambda: not hub.undecided(ids))
        assert hub.outcomes("two") == []
        assert "retired" in (await asyncio.to_thread(hub, "status", code=1)).stdout
    async with hub.working(home="another"):  # which has never had it
        await hub.control("two", paused=False)
        await until_true(lambda: not hub.undelivered(), what="what waited for the retired destination")
        assert hub.repeats("two") == 0
        assert len(hub.outcomes("two")) == len(hub.lane("two"))
    pruned = await asyncio.to_thread(hub, "topics", "prune", "--yes")
    assert f"deleted {hub.topics.deliveries('two')}" in pruned.stdout
    assert "Nothing is retired." in (await asyncio.to_thread(hub, "topics", "prune")).stdout


async def test_what_waits_for_a_retired_destination_can_be_given_up(hub: Changing) -> None:
    await hub.apply(f"{{out: {NOWHERE}}}", TO_ONE)
    async with hub.working():
        async with hub.load() as ids:
            await until_true(lambda: len(hub.lane("out")) > 50)
        await until_true(lambda: not hub.undecided(ids))
        refused = await asyncio.to_thread(hub, "destinations", "discard", "out", code=2)
        assert "is configured" in refused.stderr
        await hub.apply("{two: {type: console}}", "[{id: all, to: two}]")
        await asyncio.to_thread(hub, "destinations", "discard", "out", "--by", "ada", "--reason", "it is gone")
        await until_true(lambda: not hub.undelivered(), what="an end of each")
        ended = [one for one in hub.outcomes("out") if one.state.terminal]
        assert {one.state for one in ended} == {OutcomeState.DISCARDED}
        assert {one.error for one in ended} == {"discarded by ada: it is gone"}
        assert len(ended) == len(ids)


async def test_one_whose_variable_is_gone_waits_and_can_be_given_up(
    hub: Changing, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("A_URL", "http://127.0.0.1:9/")
    await hub.apply(f"{{out: {NOWHERE}}}".replace("http://127.0.0.1:9/", "${A_URL}"), TO_ONE)
    async with hub.working("route"):
        await asyncio.to_thread(hub.receive, *[make_event(f"e{n}") for n in range(6)])
        await until_true(lambda: len(hub.lane("out")) == 6)
    await hub.apply("{two: {type: console}}", "[{id: all, to: two}]")
    monkeypatch.delenv("A_URL")
    logging.getLogger("hub").addHandler(caplog.handler)  # the commands have set up logging for themselves
    async with hub.working():
        await until_true(lambda: "a retired destination waits for variables" in caplog.text)
        assert hub.outcomes("out") == []
        await asyncio.to_thread(hub, "destinations", "discard", "out", "--by", "ada")
        await until_true(lambda: not hub.undelivered(), what="an end of each")
    logging.getLogger("hub").removeHandler(caplog.handler)
    assert [one.state for one in hub.outcomes("out")] == [OutcomeState.DISCARDED] * 6


async def test_a_changed_destination_goes_on_with_what_it_is_now(hub: Changing) -> None:
    await hub.apply(f"{{out: {NOWHERE}}}", TO_ONE)
    async with hub.working() as worker, hub.load() as ids:
        await until_true(lambda: len(hub.lane("out")) > 50)
        revision = await hub.apply(ONE, TO_ONE, "another connector")
        await until_true(lambda: worker.current.revision == revision)
        before = len(ids)
        await until_true(lambda: len(ids) > before + 40)
        await until_true(lambda: any(one.state is OutcomeState.DELIVERED for one in hub.outcomes("out")))
    async with hub.working():
        await until_true(lambda: not hub.undecided(ids) and not hub.undelivered(), what="every end")
    assert hub.repeats("out") == 0


async def test_options_are_the_newest_of_a_route_and_those_of_its_revision_once_it_is_gone(
    hub: Changing, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where something else of that revision needs a variable that is no longer set."""
    monkeypatch.setenv("A_URL", "http://127.0.0.1:9/")
    with_variable = "{out: {type: console}, spare: {type: http, url: '${A_URL}'}}"

    def routes(text: str, name: str = "all") -> str:
        return f'[{{id: {name}, to: out, with: {{out: {{text: "{text} {{{{ id }}}}"}}}}}}]'

    await hub.apply(with_variable, routes("first"))
    async with hub.working() as worker:
        await asyncio.to_thread(hub, "pause", "out")
        await asyncio.to_thread(hub.receive, *[make_event(f"a{n}") for n in range(4)])
        await until_true(lambda: len(hub.lane("out")) == 4)
        second = await hub.apply(with_variable, routes("second"))
        await until_true(lambda: worker.current.revision == second)
        third = await hub.apply(ONE, routes("third", "other"))
        await until_true(lambda: worker.current.revision == third)
        await asyncio.to_thread(hub.receive, *[make_event(f"b{n}") for n in range(4)])
        await until_true(lambda: len(hub.lane("out")) == 8)
    monkeypatch.delenv("A_URL")
    async with hub.working():  # which has not seen the earlier ones
        await hub.control("out", paused=False)
        await until_true(lambda: len(hub.outcomes("out")) == 8)
    printed = capsys.readouterr().out
    assert {f"out all: first a{n}" in printed for n in range(4)} == {True}
    assert {f"out other: third b{n}" in printed for n in range(4)} == {True}


async def test_a_renamed_destination_delivers_what_waits_under_its_old_name_first_and_in_order(hub: Changing) -> None:
    await hub.apply(ONE, TO_ONE)
    async with hub.working() as worker:
        await asyncio.to_thread(hub, "pause", "out")
        async with hub.load() as ids:
            await until_true(lambda: len(hub.lane("out")) > 50)
            revision = await hub.apply(
                "{screen: {type: console, was: out}}",
                "[{id: everything, was: all, to: screen, when: {source: [github]}}]",
            )
            await until_true(lambda: worker.current.revision == revision)
            await until_true(lambda: len(hub.lane("screen")) > 50)
        assert hub.outcomes("screen") == [], "it went ahead of what waits under the old name"
        await hub.control("out", paused=False)
        await until_true(lambda: not hub.undecided(ids) and not hub.undelivered(), what="every end")
    old, new = hub.outcomes("out"), hub.outcomes("screen")
    assert {one.delivery.partition(":")[2] for one in (*old, *new)} == {"all:out"}, "another name of a delivery"
    assert max(one.ended for one in old) < max(one.started for one in new)
    by_subject: dict[str, list[int]] = {}
    for one in sorted((*old, *new), key=lambda one: one.started):
        number = int(one.delivery.partition("/e")[2].partition("~")[0])
        by_subject.setdefault(str(number % 20), []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_subject.values())
    assert (await asyncio.to_thread(hub, "ledger", "verify")).stdout.endswith("Nothing is missing.\n")


async def test_where_a_variable_is_missing_the_old_revision_stays_and_says_so(
    hub: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.apply(ONE, TO_ONE)
    first = hub.revision()
    async with hub.working() as worker, hub.load() as ids:
        hub.configure('{out: {type: slack, webhook_url: "${A_URL}"}}', TO_ONE)
        await asyncio.to_thread(hub, "apply", "-m", "no secret here", "--no-env")
        await until_true(lambda: worker.refusal is not None, what="the refusal")
        await until_true(lambda: any(one.refused for one in hub.processes().values()), what="its report")
        assert worker.current.revision == first
        assert "${A_URL} is not set" in str(worker.refusal)
        before = len(hub.outcomes("out"))
        await until_true(lambda: len(hub.outcomes("out")) > before + 20, what="work with the old one")
        monkeypatch.setenv("A_URL", "https://example.com")
        assert "cannot take up" in (await asyncio.to_thread(hub, "status", code=1)).stdout
        await asyncio.to_thread(hub, "rollback")
        await until_true(lambda: worker.refusal is None, what="the end of the refusal")
        assert "drift" in (await asyncio.to_thread(hub, "status", code=1)).stdout
    assert ids


async def test_workers_that_are_killed_while_they_switch_lose_nothing(hub: Changing) -> None:
    """Two processes; each is killed with 9 at some moment after a revision was applied."""
    order = [hub.revision()]
    processes = {home: hub.worker_process(home) for home in ("a", "b")}
    try:
        async with hub.load(pause=0.02) as ids:
            await until_true(lambda: len(hub.outcomes("out")) > 50, 60)
            for turn, home in enumerate(("a", "b", "a", "b")):
                out, two = f"out: {{type: console, text: turn {turn}}}", "two: {type: console}"
                if turn % 2:
                    order.append(await hub.apply(f"{{{out}, {two}}}", "[{id: all, to: [out, two]}]"))
                else:
                    order.append(await hub.apply(f"{{{out}}}", TO_ONE))
                await asyncio.sleep(0.15 * turn)
                processes[home].kill()
                processes[home].wait()
                processes[home] = hub.worker_process(home)
        await until_true(lambda: not hub.undecided(ids) and not hub.undelivered(), 60, "every end")
        assert {process.poll() for process in processes.values()} == {None}
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    assert monotone(hub.decisions(), order)
