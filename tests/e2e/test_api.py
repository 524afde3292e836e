"""``hub api`` on a real broker, asked by the hub's own clients: nothing is missed, and nothing comes twice."""

import asyncio
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import trustme
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from hub.api.interest import Interest
from hub.api.journal import Journal, PositionLostError
from hub.client import Event, Hub, HubRefusesError, HubUnavailableError, PositionGoneError, WaitTimeoutError, aio
from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker
from hub.log.live import LiveLog
from hub.log.ranges import RangeReader
from hub.log.topics import Topics
from schemas import event as log
from tests.fixtures.api_process import ApiProcess
from tests.fixtures.ports import broker_ports
from tests.fixtures.project import PARTITIONS, Project
from tests.fixtures.webhooks import SECRET

pytestmark = pytest.mark.timeout(180)


def project(folder: Path, kafka: KafkaConnection, topics: Topics) -> Project:
    made = Project(folder, kafka, topics, "{out: {type: console}}", "[{id: all, to: out}]")
    file = folder / "hub.yaml"
    file.write_text(
        file.read_text().replace("sources: {", f'sources: {{gemini: {{type: gemini, secrets: ["{SECRET}"]}}, ')
    )
    return made


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path) -> Project:
    return project(tmp_path, kafka, topics)


@pytest.fixture
def api(hub: Project) -> Iterator[ApiProcess]:
    process = ApiProcess(hub)
    with process.running():
        yield process


def make(number: int, event_type: str = "batch.succeeded", *, subject: str = "", source: str = "gemini") -> log.Event:
    body = orjson.dumps({"type": event_type, "n": number})
    return log.Event(
        source=source,
        id=f"event-{number}",
        type=event_type,
        received=datetime.now(UTC),
        digest=hashlib.sha256(body).hexdigest(),
        body=body,
        subject=subject or f"job-{number}",
        metadata={"team": "x"},
    )


def test_an_event_comes_back_as_it_was_stored(hub: Project, api: ApiProcess) -> None:
    stored = make(1)
    hub.receive(stored)
    found = Hub(api.url).wait("job-1", timeout=30)
    assert {name: getattr(found, name) for name in log.Event.__dataclass_fields__} == {
        name: getattr(stored, name) for name in log.Event.__dataclass_fields__
    }
    assert found.json() == {"type": "batch.succeeded", "n": 1}


def test_who_waits_is_told_of_what_came_before_and_of_what_comes_later(hub: Project, api: ApiProcess) -> None:
    hub.receive(make(1), make(2, "interaction.requires_action"), make(3, "batch.failed", subject="other"))
    client = Hub(api.url)
    assert client.wait("batches/job-1", timeout=30).id == "event-1", "whatever form of its id is used"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.wait, "job-2", timeout=60)
        assert client.wait("job-2", type="interaction.*", timeout=30).id == "event-2"
        with pytest.raises(WaitTimeoutError, match="job-2 has not ended within 1 s"):
            client.wait("job-2", timeout=1)
        assert not waiting.done(), "an interaction that wants something has not ended"
        hub.receive(make(4, "interaction.completed", subject="job-2"))
        assert waiting.result(30).id == "event-4"
    with pytest.raises(WaitTimeoutError):
        client.wait("job-1", since=datetime.now(UTC) + timedelta(hours=1), timeout=0.5)


def test_the_command_waits_too(hub: Project, api: ApiProcess) -> None:
    hub.receive(make(1))
    waited = hub.start("wait", "job-1", "--timeout", "30s")
    assert waited.wait(60) == 0, hub.log()
    assert "batch.succeeded" in hub.log()
    never = hub.start("wait", "nothing", "--timeout", "100ms")
    assert never.wait(60) == 1
    assert "nothing has not ended within 0.1 s" in hub.log()


def test_a_listener_gets_each_event_once_while_the_api_is_killed_again_and_again(hub: Project, api: ApiProcess) -> None:
    events = [make(number, subject=f"subject-{number % 7}") for number in range(400)]
    got: list[Event] = []
    enough = threading.Event()

    def listen() -> None:
        for event in Hub(api.url).events(source="gemini", since="1h"):
            got.append(event)
            if len(got) == len(events):
                enough.set()
                return

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    for first in range(0, len(events), 200):
        hub.receive(*events[first : first + 200])
        api.kill()
        api.start()
    assert enough.wait(60), f"{len(got)} of {len(events)} came"
    in_order: dict[str, list[int]] = defaultdict(list)
    for event in got:
        in_order[event.subject or ""].append(event.json()["n"])
    assert sorted(event.id for event in got) == sorted(event.id for event in events)
    assert all(numbers == sorted(numbers) for numbers in in_order.values())


def test_a_listener_goes_on_in_another_process_where_it_was(hub: Project, api: ApiProcess) -> None:
    hub.receive(*[make(number, subject="one") for number in range(3)])
    events = Hub(api.url).events(since=timedelta(hours=1))
    first = next(events)
    assert api.stop() == 0, "streams that are open do not hold it up"
    api.start()
    later = Hub(api.url).events(after=first.position)
    assert [next(later).id, next(later).id] == ["event-1", "event-2"]


async def test_five_hundred_wait_at_once_and_each_is_told_of_its_own(hub: Project, api: ApiProcess) -> None:
    jobs = range(500)
    async with aio.Hub(api.url) as client, asyncio.TaskGroup() as group:
        waiting = [group.create_task(client.wait(f"job-{number}", timeout=90)) for number in jobs]
        await asyncio.sleep(0)
        for first in range(0, len(jobs), 100):
            await asyncio.to_thread(hub.receive, *[make(number) for number in jobs[first : first + 100]])
    assert [task.result().id for task in waiting] == [f"event-{number}" for number in jobs]


async def test_a_slow_listener_reads_the_log_where_memory_no_longer_has_it(hub: Project) -> None:
    """No listener is dropped, and none makes the others wait: what is kept in memory is bounded."""
    events = [make(number, subject=f"subject-{number % 5}") for number in range(600)]
    live = LiveLog(hub.kafka, hub.topics.events, PARTITIONS, max_bytes=50_000)
    async with live, RangeReader(hub.kafka) as reader:
        journal = Journal(live, reader, "0" * 8)
        slow = journal.follow(journal.now(), Interest(), range(PARTITIONS), patience=0.1)
        await anext(slow)
        await asyncio.to_thread(hub.receive, *events)
        async with asyncio.timeout(60):
            while sum(live.ends.values()) < len(events):
                await live.signal(None).wait()
        assert all(live.start(number) > 0 for number in range(PARTITIONS)), "memory has all of it: this proves nothing"
        got: list[str] = []
        async with asyncio.timeout(60):
            async for step in slow:
                got += [step.event.event.id] if step.event else []
                if len(got) == len(events):
                    break
        await slow.aclose()
    assert sorted(got) == sorted(event.id for event in events)


def test_what_retention_deleted_is_not_skipped_in_silence(hub: Project, api: ApiProcess) -> None:
    hub.receive(*[make(number, subject="one") for number in range(3)])
    client = Hub(api.url)
    first = next(client.events(since="1h"))
    with closing(KafkaAdminClient(**hub.kafka.kafka_python())) as admin:
        admin.delete_records({TopicPartition(hub.topics.events, first.partition): first.offset + 2})
    with pytest.raises(PositionGoneError, match=r"older than log.retention"):
        next(client.events(after=first.position))
    with pytest.raises(HubRefusesError, match="deleted and made anew"):
        next(client.events(after="00000000:0.0"))
    with pytest.raises(HubRefusesError, match="is no position"):
        next(client.events(after="nonsense"))


async def test_what_retention_deletes_under_a_listener_is_not_skipped_in_silence(hub: Project) -> None:
    async with LiveLog(hub.kafka, hub.topics.events, PARTITIONS) as live, RangeReader(hub.kafka) as reader:
        await asyncio.to_thread(hub.receive, *[make(number, subject="one") for number in range(3)])
        [record] = [one for one in hub.records(hub.topics.events) if one.offset == 2]
        with closing(KafkaAdminClient(**hub.kafka.kafka_python())) as admin:
            admin.delete_records({TopicPartition(hub.topics.events, record.partition): 2})
        journal = Journal(live, reader, "0" * 8)
        with pytest.raises(PositionLostError):
            await journal.between(record.partition, 0, 3)


def test_the_newest_events_are_listed_and_selected(hub: Project, api: ApiProcess) -> None:
    events = [make(number, ("batch.succeeded", "batch.failed", "video.generated")[number % 3]) for number in range(30)]
    hub.receive(*events)

    def listed(query: str) -> Sequence[str]:
        status, found = api.get(f"/events?{query}")
        assert status == 200, found
        assert isinstance(found, dict)
        assert found["complete"] is True
        return [event["id"] for event in found["events"]]

    assert listed("since=1h") == [event.id for event in events]
    assert listed("limit=4") == [event.id for event in events[-4:]]
    assert listed("type=batch.*") == [event.id for event in events if event.type.startswith("batch")]
    assert listed("subject=batches/job-7&subject=job-8") == ["event-7", "event-8"]
    assert listed("source=github") == []
    assert listed("since=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z") == []


def test_an_event_is_shown_with_what_became_of_it(hub: Project, api: ApiProcess) -> None:
    hub.receive(make(1))
    with hub.worker("--only", "route", "--only", "deliver"):
        Hub(api.url).wait("job-1", timeout=30)
        while True:
            status, found = api.get("/events/gemini/event-1")
            assert status == 200
            assert isinstance(found, dict)
            if found["outcomes"]:
                break
    assert found["decision"]["deliveries"][0]["destination"] == "out"
    assert found["outcomes"][0]["state"] == "delivered"
    assert api.get("/events/gemini/nothing")[0] == 404
    status, standing = api.get("/status")
    assert status == 200
    assert isinstance(standing, dict)
    assert standing["standing"]["destinations"][0]["name"] == "out"


def test_only_this_machine_may_ask_without_a_token(hub: Project, api: ApiProcess) -> None:
    assert api.get("/events", host="localhost:1")[0] == 200
    status, found = api.get("/events", host="evil.example.com")  # a name that was pointed here (DNS rebinding)
    assert (status, found["error"] if isinstance(found, dict) else None) == (403, "foreign-host")
    assert api.get("/healthz", host="10.0.0.1:8081") == (200, "ok"), "probes use the address of a pod"
    refused = hub.start("api", "--host", "0.0.0.0", "--port", "0")
    assert refused.wait(30) == 2
    assert "set HUB_TOKEN" in hub.log()


def test_with_a_token_whoever_has_it_may_ask(hub: Project) -> None:
    token = "a-token-of-the-tests"
    hub.environ["HUB_TOKEN"] = token
    process = ApiProcess(hub)
    with process.running():
        assert process.get("/events")[0] == 401
        assert process.get("/events", authorization=f"Bearer {token}x")[0] == 401
        assert process.get("/events", authorization=f"Bearer {token}", host="hub.example.com")[0] == 200
        hub.receive(make(1))
        assert Hub(process.url, token=token).wait("job-1", timeout=30).id == "event-1"
        with pytest.raises(HubRefusesError, match="HUB_TOKEN"):
            Hub(process.url).wait("job-1")


def test_the_api_speaks_tls(hub: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "chain.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    process = hub.start("api", "--port", "0", "--tls-cert", "chain.pem", "--tls-key", "key.pem")
    try:
        hub.receive(make(1))
        address = hub.home / "run" / "api.url"
        deadline = time.monotonic() + 30
        while not address.exists():
            assert time.monotonic() < deadline, hub.log()
        url = address.read_text().strip().replace("127.0.0.1", "localhost")
        assert url.startswith("https://")
        with pytest.raises(HubUnavailableError, match="certificate"):
            Hub(url, patience=0.0).wait("job-1")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert Hub(url).wait("job-1", timeout=60).id == "event-1"
    finally:
        process.kill()
        process.wait()


def test_what_is_asked_wrongly_is_told_what_would_be_right(api: ApiProcess) -> None:
    for path, message in (
        ("/events?sinse=1h", "did you mean since?"),
        ("/events?since=soon", "since: 'soon' is neither a duration"),
        ("/events?limit=0", "limit: '0' is no number from 1 to 1,000"),
        ("/events?limit=1&limit=2", "limit is there 2 times"),
        ("/wait", "job is missing"),
        ("/wait?job=x&timeout=1h", "longer than 300s"),
    ):
        status, found = api.get(path)
        assert (status, isinstance(found, dict)) == (400, True), path
        assert message in str(found), found


def test_nobody_there_is_said_with_what_to_do() -> None:
    with pytest.raises(HubUnavailableError, match="start it with `hub up`"):
        Hub("http://127.0.0.1:1", patience=0.1).wait("job")


def test_listeners_outlive_a_broker_that_is_away(tmp_path: Path, topics: Topics) -> None:
    broker = EmbeddedBroker(tmp_path / "kafka", ports=broker_ports(), train=False)
    hub = project(tmp_path, broker.start(), topics)
    process = ApiProcess(hub)
    try:
        with process.running(), ThreadPoolExecutor() as pool:
            hub.receive(*[make(number) for number in range(20)])
            client = Hub(process.url)
            events = client.events(since="1h")
            got = [next(events).id for _ in range(20)]
            waiting = pool.submit(client.wait, "job-99", timeout=120)
            broker.stop()
            status, found = process.get("/events/gemini/event-1")
            assert (status, isinstance(found, dict)) == (503, True)
            hub.use(broker.start())
            hub.receive(*[make(number) for number in range(20, 40)], make(99))
            got += [next(events).id for _ in range(21)]
            assert waiting.result(60).id == "event-99"
    finally:
        broker.stop()
    assert sorted(got) == sorted([*(f"event-{number}" for number in range(40)), "event-99"])
