"""Route: 1 event → 2 deliveries and a decision, matching included, beside a plain loop that writes the same records."""

import asyncio
from collections.abc import Iterator

from tests.bench.figures import Figures, Row, medians, rate_at_least
from tests.bench.preload import Progress, fill_events, make_topics, measure
from tests.bench.stage import ROUNDS, Stage

_EVENTS = 40_000
_AIM = 0.6
_DESTINATIONS = ("one", "two")
_CONFIGURATION = """
sources:
  gemini: {type: gemini, secrets: ["{secret}"]}
destinations:
  one: {type: console}
  two: {type: console}
routes:
  - {id: to-one, to: one, when: {source: [gemini]}}
  - {id: to-two, to: two, when: {type: [{prefix: batch.}, interaction.completed, video.generated]}}
"""
_OTHERS = 100  # routes that match nothing


def run(stage: Stage) -> Iterator[Row]:
    hub_rounds, raw_rounds = [], []
    for number in range(ROUNDS):
        hub_rounds.append(_hub(stage, f"route-{number}"))
        raw_rounds.append(_raw(stage, f"route-raw-{number}"))
    ours, beside = medians(hub_rounds), medians(raw_rounds)
    yield Row(
        f"route, 1 event → 2 deliveries and a decision, {_OTHERS + 2} routes",
        ours,
        beside,
        "a plain aiokafka loop, the same records",
        [rate_at_least(_AIM, ours, beside)],
    )


def _hub(stage: Stage, name: str) -> Figures:
    others = "".join(
        f"  - {{id: other-{i}, to: one, when: {{type: [batch.succeeded], metadata.team: [team-{i}]}}}}\n"
        for i in range(_OTHERS)
    )
    config = stage.configuration(name, _CONFIGURATION + others)
    return _measured(stage, name, "-m", "hub", "worker", "--config", str(config), "--only", "route")


def _raw(stage: Stage, name: str) -> Figures:
    names = [word for destination in _DESTINATIONS for word in ("--destination", destination)]
    loop = ("tests.bench.kafka_loops", "--bootstrap", stage.kafka.bootstrap, "--hub", name)
    return _measured(stage, name, "-m", *loop, *names, "--route")


def _measured(stage: Stage, name: str, *command: str) -> Figures:
    topics = make_topics(stage.kafka, name, _DESTINATIONS)
    asyncio.run(fill_events(stage.kafka, topics, _EVENTS))
    with stage.running(*command) as worker:
        return measure(worker, Progress.of(stage.kafka, topics.decisions), _EVENTS)
