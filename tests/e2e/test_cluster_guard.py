"""Another hub's Kafka takes the port of a broker that died: nothing is written to it, and nothing read from it."""

from pathlib import Path

import aiohttp

from hub.log.admin import LogAdmin
from hub.log.embedded import EmbeddedBroker
from hub.log.reader import LogReader
from hub.log.topics import Topics
from tests.chaos.hub_under_test import HubUnderTest, stop
from tests.fixtures.ingress_process import ingress_process
from tests.fixtures.ports import free_port

BODY = '{"type":"order.paid","data":{"id":"o1"}}'


async def test_a_stranger_at_the_address_gets_nothing_and_nothing_of_its_is_read(
    tmp_path: Path, topics: Topics
) -> None:
    port = free_port()
    ours = EmbeddedBroker(tmp_path / "ours", ports=[port], train=False)
    stranger = EmbeddedBroker(tmp_path / "stranger", ports=[port], train=False)
    try:
        kafka = ours.start()
        hub = HubUnderTest(kafka, topics.hub, tmp_path, {"out": ("ledger-batch", 0.0)})
        hub.make_topics()
        with ingress_process(kafka.bootstrap, topics, tmp_path, partitions=4, home=tmp_path / "ours") as ingress:
            await ingress.until_ready()
            with hub.workers() as start:
                worker = start()
                before = await hub.produce([{"n": n} for n in range(20)])
                await hub.until_ended("out", before)
                ours.kill()
                foreign = stranger.start()
                assert foreign.bootstrap == kafka.bootstrap
                theirs = HubUnderTest(foreign, topics.hub, tmp_path, {"out": ("ledger-batch", 0.0)})
                theirs.make_topics()
                strange = await theirs.produce([{"n": n} for n in range(20)])
                await ingress.until_ready(status=503)
                async with aiohttp.ClientSession() as session:
                    for number in range(20):
                        assert await ingress.post(session, f"refused-{number}", BODY) == 503
                assert {one.event.id for one in LogReader(foreign, topics).events()} == set(strange)
                assert LogAdmin(foreign, theirs.configuration().layout).committed(topics.route_group) == {}
                stranger.stop()
                ours.start()
                await ingress.until_ready()
                after = await hub.produce([{"n": n} for n in range(20)])
                await hub.until_ended("out", after, deadline=60.0)
                assert stop(worker) == 0
        assert set(hub.effects("out")) == {*before, *after}
    finally:
        stranger.stop()
        ours.stop()
