"""End to end: POST → Kafka → route → Kafka → deliver, at 100 events/s, beside raw loops laid out alike.

Both are two processes, one that receives and one that routes and delivers. A latency runs from the moment the request
was due to the moment the destination had the event.
"""

from collections.abc import Iterator
from pathlib import Path

import orjson

from tests.bench.figures import Figures, Row, latency_at_most, medians, percentile
from tests.bench.noop_destination import install
from tests.bench.preload import make_topics
from tests.bench.stage import ROUNDS, Child, Stage, answers, free_port, listens, output_of

_RATE = 100
_SECONDS = 8
_WARM_UP = 100  # events that are sent but not counted
_P50_AIM, _P99_AIM = 1.3, 2.0
_DESTINATION = "nowhere"
_CONFIGURATION = """
sources:
  gemini: {{type: gemini, secrets: ["{{secret}}"]}}
destinations:
  nowhere: {{type: bench_noop, arrivals: "{arrivals}", isolate: false}}
routes:
  - {{id: to-nowhere, to: nowhere}}
"""


def run(stage: Stage) -> Iterator[Row]:
    install(stage.folder / "plugins")
    stage.environment["PYTHONPATH"] = str(stage.folder / "plugins")
    hub_rounds, raw_rounds = [], []
    for number in range(ROUNDS):
        hub_rounds.append(_hub(stage, f"chain-{number}"))
        raw_rounds.append(_raw(stage, f"chain-raw-{number}"))
    ours, beside = medians(hub_rounds), medians(raw_rounds)
    yield Row(
        f"end to end, {_RATE} events/s",
        ours,
        beside,
        "raw aiokafka loops, unsigned",
        latency_at_most(_P50_AIM, _P99_AIM, ours, beside),
    )


def _hub(stage: Stage, name: str) -> Figures:
    return through_the_hub(stage, name, _CONFIGURATION, [_DESTINATION])


def through_the_hub(stage: Stage, name: str, configuration: str, destinations: list[str]) -> Figures:
    """Latencies of one round; ``{arrivals}`` in the configuration is the file in which they are noted."""
    arrivals, port = stage.folder / f"{name}.txt", free_port()
    config = str(stage.configuration(name, configuration.format(arrivals=arrivals)))
    make_topics(stage.kafka, name, destinations)
    ingress = ("-m", "hub", "ingress", "--config", config, "--port", str(port))
    with stage.running(*ingress) as receiving, stage.running("-m", "hub", "worker", "--config", config) as working:
        receiving.until(lambda: answers(port, "/readyz"), "the ingress")
        return _latencies(working, port, arrivals)


def _raw(stage: Stage, name: str) -> Figures:
    arrivals, port = stage.folder / f"{name}.txt", free_port()
    make_topics(stage.kafka, name, [_DESTINATION])
    where = ("--bootstrap", stage.kafka.bootstrap, "--hub", name)
    endpoint = ("-m", "tests.bench.raw_endpoint", *where, "--port", str(port))
    loops = ("-m", "tests.bench.kafka_loops", *where, "--destination", _DESTINATION, "--route", "--deliver")
    with stage.running(*endpoint) as receiving, stage.running(*loops, "--arrivals", str(arrivals)) as working:
        receiving.until(lambda: listens(port), "the raw endpoint")
        return _latencies(working, port, arrivals)


def _latencies(worker: Child, port: int, arrivals: Path) -> Figures:
    first = _send(port, first=0, seconds=1)
    worker.until(lambda: first.keys() <= _arrived(arrivals).keys(), "the first deliveries")
    due = _send(port, first=len(first), seconds=_SECONDS)
    worker.until(lambda: due.keys() <= _arrived(arrivals).keys(), "the last delivery")
    arrived = _arrived(arrivals)
    latencies = sorted((arrived[name] - at) / 1e6 for name, at in list(due.items())[_WARM_UP:])
    return Figures(p50=percentile(latencies, 0.5), p99=percentile(latencies, 0.99))


def _send(port: int, first: int, seconds: int) -> dict[str, int]:
    """Send for some seconds; event id → when it was due. Ids are new ones: a repeated event is not delivered again."""
    where = ("--port", str(port), "--path", "/in/gemini", "--connections", "8")
    pace = ("--rate", str(_RATE), "--seconds", str(seconds), "--first", str(first))
    due: dict[str, int] = orjson.loads(output_of("tests.bench.sender", *where, *pace))["due"]
    return due


def _arrived(path: Path) -> dict[str, int]:
    """Event id → when its first delivery arrived."""
    arrived: dict[str, int] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        name, _, nanoseconds = line.partition(" ")
        if nanoseconds:
            arrived.setdefault(name, int(nanoseconds))
    return arrived
