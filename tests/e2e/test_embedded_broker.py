"""The embedded Kafka under everything that happens to programs on a laptop. All brokers here are real."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from hub.log.connection import KafkaConnection
from hub.log.embedded import EmbeddedBroker, running_address
from hub.log.embedded.aot import AotCache
from hub.log.embedded.errors import BrokerStartError, DataFolderInUseError
from hub.log.embedded.ports import LOOPBACK

PORTS = range(19300, 19400)

A_HUB = """
import sys
from pathlib import Path
from hub.log.embedded import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]), ports=range(19300, 19400), train=False)
broker.start()
print(broker.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path, ports=PORTS, train=False) as broker:
        yield broker


def create_topic(connection: KafkaConnection, name: str) -> None:
    admin = KafkaAdminClient(**connection.kafka_python())
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    admin.close()
    assert values(connection, name) == []  # asks until the partition has a leader


def values(connection: KafkaConnection, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(**connection.kafka_python(), auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    read: list[bytes] = []
    while consumer.position(partition) < end:
        read += [record.value for records in consumer.poll(1000).values() for record in records]
    consumer.close()
    return read


def ended_within(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_broker_killed_under_load_loses_nothing_it_acknowledged(broker: EmbeddedBroker) -> None:
    connection = broker.start()
    create_topic(connection, "events")
    acknowledged: list[bytes] = []
    enough = threading.Event()

    def produce() -> None:
        producer = KafkaProducer(**connection.kafka_python(), acks="all", retries=0, request_timeout_ms=2000)
        for number in range(1_000_000):
            value = b"%d" % number
            try:
                producer.send("events", value).get(3)
            except Exception:  # noqa: BLE001  (the kill: how a client words it does not matter)
                break
            acknowledged.append(value)
            if number == 200:
                enough.set()
        producer.close(0)

    thread = threading.Thread(target=produce)
    thread.start()
    assert enough.wait(30)
    broker.kill()
    thread.join()
    again = broker.start()

    assert again == connection
    read = values(again, "events")
    assert read[: len(acknowledged)] == acknowledged
    assert len(acknowledged) > 200


def test_a_second_start_keeps_data_and_port(broker: EmbeddedBroker, tmp_path: Path) -> None:
    connection = broker.start()
    create_topic(connection, "events")
    producer = KafkaProducer(**connection.kafka_python(), acks="all")
    producer.send("events", b"kept").get(10)
    producer.close()
    assert running_address(tmp_path) == connection.bootstrap
    broker.stop()
    assert running_address(tmp_path) is None

    with EmbeddedBroker(tmp_path, ports=[*PORTS[50:], *PORTS[:50]], train=False) as second:
        assert second.start() == connection
        assert values(connection, "events") == [b"kept"]


def test_a_second_hub_on_the_folder_is_refused_and_another_folder_gets_another_port(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    first = broker.start()

    intruder = subprocess.run(
        [sys.executable, "-c", A_HUB, str(tmp_path)],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert f"in use by process {psutil.Process().pid}" in intruder.stderr

    with pytest.raises(DataFolderInUseError), EmbeddedBroker(tmp_path, ports=PORTS, train=False) as same_process:
        same_process.start()
    with EmbeddedBroker(tmp_path / "other", ports=PORTS, train=False) as other:
        assert other.start().bootstrap != first.bootstrap
    assert running_address(tmp_path) == first.bootstrap


def test_kafka_itself_holds_the_folder_so_that_an_orphan_is_noticed(broker: EmbeddedBroker, tmp_path: Path) -> None:
    broker.start()

    held = {file.path for file in psutil.Process(broker.pid).open_files()}
    assert str(tmp_path / "kafka" / "kafka.lock") in held
    assert str(tmp_path / "kafka" / "hub.lock") not in held


def test_a_taken_port_makes_it_choose_another_and_remember_that(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        usual = taken.getsockname()[1]
        broker = EmbeddedBroker(tmp_path, ports=[usual, *PORTS], train=False)
        chosen = broker.start()
        broker.stop()

    assert chosen.bootstrap != f"{LOOPBACK}:{usual}"
    with EmbeddedBroker(tmp_path, ports=[usual, *PORTS], train=False) as again:
        assert again.start() == chosen


def test_a_killed_hub_leaves_no_kafka_behind_and_the_next_start_works(broker: EmbeddedBroker, tmp_path: Path) -> None:
    hub = subprocess.Popen(
        [sys.executable, "-c", A_HUB, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert hub.stdout is not None
    jvm = psutil.Process(int(hub.stdout.readline()))
    assert running_address(tmp_path) is not None

    hub.kill()
    hub.communicate()
    broker.start()  # at once: it waits for the other JVM

    assert broker.pid not in {None, jvm.pid}
    assert ended_within(jvm, 10)  # it gave up its lock a moment before its process id


def test_a_kafka_that_cannot_start_shows_the_end_of_its_log(broker: EmbeddedBroker, tmp_path: Path) -> None:
    broker.start()
    broker.stop()
    (tmp_path / "kafka" / "data" / "meta.properties").write_text("version=1\nnode.id=7\n")

    with pytest.raises(
        BrokerStartError, match=r"ended with exit code 1 .*kafka\.log:\n(  \| .*\n)*.*cluster\.id was not found"
    ) as error:
        broker.start()

    assert "\tat " not in str(error.value)
    assert broker.pid is None


def test_crashes_leave_one_report_among_the_logs_and_nothing_beside_the_data(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    for _ in range(2):
        broker.start()
        assert broker.pid is not None
        crashed = broker.pid
        os.kill(crashed, signal.SIGSEGV)
        assert broker.wait(60) == 1
        assert "A fatal error has been detected by the Java Runtime" in broker.last_words()
        assert f"pid={crashed}" in (tmp_path / "logs" / "kafka-crash.log").read_text()

    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"kafka.log", "kafka-crash.log"}
    beside_the_data = {path.name for path in (tmp_path / "kafka").iterdir()} - {"data"}
    assert not {name for name in beside_the_data if name.startswith(("hs_err", "core", "replay", "java"))}


def test_a_broken_ahead_of_time_cache_never_prevents_a_start(
    broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Java ignores a cache that it can tell is broken; this is one that takes Java down with it."""
    cache = tmp_path / "broken.aot"
    cache.write_bytes(b"broken")
    monkeypatch.setattr(AotCache, "flags", lambda _: ["-XX:NoSuchFlag"] if cache.exists() else [])
    monkeypatch.setattr(AotCache, "reject", lambda _: cache.unlink())

    broker.start()

    assert broker.pid is not None
    assert not cache.exists()


def test_hub_broker_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    hub = subprocess.Popen(
        [sys.executable, "-m", "hub", "broker"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HUB_HOME": str(tmp_path / "home")},
    )
    assert hub.stdout is not None
    ready = hub.stdout.readline()
    address = running_address(tmp_path / "home")

    assert address is not None
    assert ready.startswith(f"Kafka is ready on {address} (pid ")
    hub.terminate()
    hub.communicate()
    assert hub.returncode == 0
    assert running_address(tmp_path / "home") is None


def test_hub_broker_ends_when_its_kafka_does(tmp_path: Path) -> None:
    hub = subprocess.Popen(
        [sys.executable, "-m", "hub", "broker"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HUB_HOME": str(tmp_path / "home")},
    )
    assert hub.stdout is not None
    ready = hub.stdout.readline()
    psutil.Process(int(ready.rstrip(")\n").rpartition(" ")[2])).kill()

    _, told = hub.communicate()
    assert hub.returncode == 1
    assert "Kafka ended with exit code -9" in told


def test_two_hubs_that_start_at_once_do_not_take_one_kafka_for_their_own(tmp_path: Path) -> None:
    """Both find the same port free; one of them loses it while its Kafka starts, and then sees the other's answer."""
    hubs = [
        subprocess.Popen(
            [sys.executable, "-c", A_HUB, str(tmp_path / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    pids = {int(hub.stdout.readline()) for hub in hubs if hub.stdout is not None}
    addresses = {running_address(tmp_path / name) for name in ("one", "two")}
    for hub in hubs:
        hub.communicate()

    assert len(pids) == 2
    assert len(addresses) == 2
    assert None not in addresses
