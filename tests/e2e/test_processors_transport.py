"""What stock Faust loses, on real Kafka, and that the safe transport does not. Each scenario is its own process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hub.log.connection import KafkaConnection

LOSSES = (
    "agent_raises",
    "take_raises",
    "head_still_running",
    "one_not_acked",
    "stop_cancels_running_work",
    "compacted_topic",
)
RUNS = [
    *((name, variant) for name in LOSSES for variant in ("stock", "safe")),
    *(("aborted_transactions", variant) for variant in ("stock", "safe")),
    *(("hung_handler", variant) for variant in ("stock", "safe")),
    *(("second_member_joins", variant) for variant in ("without-seek", "safe")),
    *(("stop_during_a_rebalance", variant) for variant in ("stock-fetcher", "safe")),
    ("stop_waits_for_running_work", "safe"),
]

Run = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def run(kafka: KafkaConnection) -> Iterator[Run]:
    """Runs every scenario, four at a time (they mostly wait), and hands out the results."""

    def process(name: str, variant: str) -> dict[str, Any]:
        ended = subprocess.run(
            [sys.executable, "-m", "tests.e2e.loss_scenarios", name, variant, kafka.bootstrap],
            cwd=Path(__file__).parents[2],
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        result = json.loads(ended.stdout.splitlines()[-1])
        assert isinstance(result, dict)
        return result

    with ThreadPoolExecutor(4) as pool:
        futures: dict[tuple[str, str], Future[dict[str, Any]]] = {key: pool.submit(process, *key) for key in RUNS}
        yield lambda name, variant: futures[name, variant].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("scenario", LOSSES)
def test_nothing_is_committed_before_its_work_is_finished(run: Run, scenario: str) -> None:
    safe = run(scenario, "safe")
    assert safe["committed"] <= safe["unfinished"], "committed past unfinished work: it is lost"


@pytest.mark.parametrize("scenario", LOSSES)
def test_stock_faust_commits_past_unfinished_work(run: Run, scenario: str) -> None:
    stock = run(scenario, "stock")
    assert stock["committed"] > stock["unfinished"], "the control lost nothing: this scenario proves nothing"


def test_aborted_records_are_not_delivered(run: Run) -> None:
    assert -1 in run("aborted_transactions", "stock")["values"], "the control delivered no aborted record"
    safe = run("aborted_transactions", "safe")
    assert -1 not in safe["values"]
    assert safe["committed"] == safe["unfinished"], "the gaps of transaction markers held up the commit"


def test_gaps_of_a_compacted_topic_do_not_hold_up_the_commit(run: Run) -> None:
    safe = run("compacted_topic", "safe")
    assert safe["committed"] == safe["unfinished"]


def test_a_hung_handler_cannot_stop_the_stop(run: Run) -> None:
    assert run("hung_handler", "stock")["stop_seconds"] is None, "the control stopped"
    safe = run("hung_handler", "safe")
    assert safe["stop_seconds"] < 3
    assert safe["committed"] == 3


def test_a_stop_commits_what_ends_in_time(run: Run) -> None:
    safe = run("stop_waits_for_running_work", "safe")
    assert safe["committed"] == safe["unfinished"] > 3


def test_a_stop_during_a_rebalance_commits_what_ends_in_time(run: Run) -> None:
    control = run("stop_during_a_rebalance", "stock-fetcher")
    assert control["committed"] <= 3, "with the stock fetcher all was well: this scenario proves nothing"
    safe = run("stop_during_a_rebalance", "safe")
    assert safe["committed"] == safe["unfinished"] > 3


def test_a_member_that_joins_a_fresh_group_loses_nothing(run: Run) -> None:
    control = run("second_member_joins", "without-seek")
    assert control["unfinished"] < 400, "without the seek nothing was lost: this scenario proves nothing"
    assert run("second_member_joins", "safe")["unfinished"] == 400
