"""``hub pause`` and ``hub resume`` on a real log: what a worker reads there, and what people read here."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import group
from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.reader import LogReader
from hub.log.records import partition_for
from hub.log.topics import Layout, Topics
from hub.processors.controls import Controls
from schemas.control import Control
from tests.fixtures.ports import free_port

PARTITIONS = 5
Hub = Callable[..., Result]


@pytest.fixture
def hub(kafka: KafkaConnection, topics: Topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """Runs a command of a hub with the destinations ``warehouse`` and ``alerts``. Its topics are there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hub.cli.wiring.configure_logging", lambda *_: None)
    monkeypatch.setenv("HUB_KAFKA", kafka.bootstrap)
    Path("hub.yaml").write_text(
        f"version: 1\nname: {topics.hub}\nlog: {{partitions: {PARTITIONS}}}\n"
        "destinations: {warehouse: {type: console}, alerts: {type: console}}\n"
        "routes:\n  - {id: all, to: warehouse}\n  - {id: urgent, to: alerts, stale_after: 1h}\n"
    )
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=PARTITIONS))).ensure()
    return lambda *words: CliRunner().invoke(group, words)


def pausing(kafka: KafkaConnection, topics: Topics, destination: str) -> Control | None:
    """As a worker that starts now sees it."""

    async def read() -> Control | None:
        def failed(error: BaseException) -> None:
            raise error

        controls = Controls(kafka, topics, PARTITIONS, failed=failed)
        try:
            await controls.start()
            return controls.paused(destination)
        finally:
            await controls.close()

    return asyncio.run(read())


def written(kafka: KafkaConnection, topics: Topics) -> int:
    """How many controls there are, all of ``warehouse`` and where every Kafka client would put its key."""
    partition = partition_for("warehouse", PARTITIONS)
    found = list(LogReader(kafka, topics).scan(topics.controls))
    assert {(one.key, one.partition) for one in found} <= {(b"warehouse", partition)}
    return len(found)


def test_a_worker_holds_what_was_paused_until_it_is_resumed(hub: Hub, kafka: KafkaConnection, topics: Topics) -> None:
    result = hub("pause", "warehouse", "--reason", "it moves", "--by", "ada")
    assert result.exit_code == 0, result.output
    found = pausing(kafka, topics, "warehouse")
    assert found is not None
    assert (found.by, found.reason) == ("ada", "it moves")
    assert pausing(kafka, topics, "alerts") is None
    assert "by ada (it moves), until `hub resume warehouse`" in result.stdout
    assert "Nothing is lost, and waiting costs no attempt" in result.stdout
    assert "stale_after" not in result.stdout
    result = hub("resume", "warehouse")
    assert result.stdout == "warehouse is resumed: what waited is delivered now.\n"
    assert pausing(kafka, topics, "warehouse") is None


def test_doing_it_twice_is_doing_it_once(hub: Hub, kafka: KafkaConnection, topics: Topics) -> None:
    assert hub("resume", "warehouse").stdout == "warehouse is not paused.\n"
    assert "by ada (it moves)" in hub("pause", "warehouse", "--by", "ada", "--reason", "it moves").stdout
    for words in (["--by", "ada"], ["--reason", "it moves"], []):
        result = hub("pause", "warehouse", *words)
        assert result.exit_code == 0
        assert result.stdout.startswith("warehouse is paused already, since ")
        assert "by ada (it moves)" in result.stdout
    assert written(kafka, topics) == 1
    assert "by bob (it moves)" in hub("pause", "warehouse", "--by", "bob").stdout
    assert "(it burns)" in hub("pause", "warehouse", "--reason", "it burns").stdout
    assert written(kafka, topics) == 3
    for _ in range(2):
        assert hub("resume", "warehouse").exit_code == 0
    assert written(kafka, topics) == 4


def test_what_will_be_too_old_by_then_is_said(hub: Hub) -> None:
    assert "stale_after by then is discarded, as the route says: urgent." in hub("pause", "alerts").stdout


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_an_unknown_destination_is_not_paused_and_the_right_one_named(
    hub: Hub, kafka: KafkaConnection, topics: Topics, command: str
) -> None:
    result = hub(command, "warehose")
    assert result.exit_code == 2
    assert result.stderr == "hub: there is no destination 'warehose' in hub.yaml; did you mean `warehouse`?\n"
    assert "; there is warehouse, alerts" in hub(command, "xyz").stderr
    assert written(kafka, topics) == 0


def test_before_the_hub_ever_ran_it_says_what_to_do(hub: Hub, topics: Topics) -> None:
    Path("hub.yaml").write_text(Path("hub.yaml").read_text().replace(topics.hub, f"{topics.hub}-2"))
    result = hub("pause", "warehouse")
    assert result.exit_code == 1
    assert "`hub up` or `hub worker` makes it" in result.stderr


def test_without_kafka_it_fails_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_KAFKA", f"127.0.0.1:{free_port()}")
    result = hub("pause", "warehouse")
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


def test_a_reason_of_any_length_and_bytes_is_kept_as_far_as_it_goes(
    hub: Hub, kafka: KafkaConnection, topics: Topics
) -> None:
    assert hub("pause", "warehouse", "--reason", "\udcff\x1b" + "x" * 5000).exit_code == 0
    found = pausing(kafka, topics, "warehouse")
    assert found is not None
    assert len(found.reason.encode()) <= 1000
    assert "\x1b" not in hub("pause", "warehouse").stdout
