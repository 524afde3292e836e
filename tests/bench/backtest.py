"""A backtest: 100,000 events of the log, decided by two revisions of the rules and compared with what was recorded."""

import asyncio
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hub.cli.backtest import backtest_of_log
from hub.config.deciding import Rules
from hub.config.load import load
from hub.log.records import EventOutline, Record, encode_decision, encode_event
from schemas.decision import Decision
from tests.bench.figures import Figures, Row
from tests.bench.preload import event, fill, fill_events, make_topics
from tests.bench.stage import Stage

_EVENTS = 100_000
_DESTINATIONS = ("one", "two")
_CONFIGURATION = """
sources:
  gemini: {{type: gemini, secrets: ["{{secret}}"]}}
destinations:
  one: {{type: console}}
  two: {{type: console}}
routes:
  - {{id: everything, to: one}}
  - {{id: batches, to: two, when: {{type: [{types}]}}}}
"""
_OTHERS = 100  # routes that match nothing


def run(stage: Stage) -> Iterator[Row]:
    name = "backtest"
    topics = make_topics(stage.kafka, name, _DESTINATIONS)
    since = datetime.now(UTC) - timedelta(hours=1)
    asyncio.run(fill_events(stage.kafka, topics, _EVENTS))
    now = load(stage.configuration(name, _text("batch.succeeded, batch.failed")), os.environ)
    rules = Rules(now)
    decided = (
        (each, encode_decision(_decision(rules, number, encode_event(each)), None))
        for number, each in enumerate(map(event, range(_EVENTS)))
    )
    asyncio.run(fill(stage.kafka, topics.decisions, decided))
    for what, data in (("", ""), (", one route looks at data", "  - {id: files, to: two, when: {data: {id: [x]}}}\n")):
        path = stage.configuration(f"{name}-new", _text("batch.failed") + data)
        path.write_text(path.read_text().replace(f"name: {name}-new", f"name: {name}"))
        new = load(path, os.environ)
        began, cpu = time.perf_counter(), time.process_time()
        result = backtest_of_log(stage.kafka, now, new, since, datetime.now(UTC) + timedelta(hours=1))
        seconds, used = time.perf_counter() - began, time.process_time() - cpu
        assert (result.scanned, result.changed) == (_EVENTS, _EVENTS // 4), result
        yield Row(
            f"backtest of {_EVENTS:,} events, {_OTHERS + 2} routes{what}",
            Figures(rate=_EVENTS / seconds, cpu=used / _EVENTS * 1e6),
            f"{seconds:.1f} s",
        )


def _text(types: str) -> str:
    others = "".join(
        f"  - {{id: other-{i}, to: one, when: {{type: [batch.succeeded], metadata.team: [team-{i}]}}}}\n"
        for i in range(_OTHERS)
    )
    return _CONFIGURATION.format(types=types) + others


def _decision(rules: Rules, offset: int, record: Record) -> Decision:
    outline = EventOutline(record.headers, record.value)
    return Decision(
        source=outline.source,
        id=outline.id,
        digest=outline.digest,
        offset=offset,
        revision=rules.revision,
        decided=datetime.now(UTC),
        deliveries=rules.decide(outline),
    )
