"""Ingest: the acknowledged, signature-checked POST beside an endpoint that stores nothing on the same server stack.

Both servers run all the time and take turns, so that a noisy minute hits both.
"""

from collections.abc import Iterator

import orjson

from tests.bench.figures import Figures, Row, medians, rate_at_least
from tests.bench.stage import ROUNDS, Child, Stage, answers, free_port, listens, output_of

_AIMS = {32: 0.5, 256: 0.4}
_CONFIGURATION = """
sources:
  gemini: {type: gemini, secrets: ["{secret}"]}
"""


def run(stage: Stage) -> Iterator[Row]:
    hub_port, bare_port = free_port(), free_port()
    config = stage.configuration("ingest", _CONFIGURATION)
    hub_command = ("-m", "hub", "ingress", "--config", str(config), "--port", str(hub_port))
    bare_command = ("-m", "tests.bench.bare_endpoint", "--port", str(bare_port))
    with stage.running(*hub_command) as hub, stage.running(*bare_command) as bare:
        hub.until(lambda: answers(hub_port, "/readyz"), "the ingress")
        bare.until(lambda: listens(bare_port), "the bare endpoint")
        for connections, aim in _AIMS.items():
            hub_rounds, bare_rounds = [], []
            for _ in range(ROUNDS):
                hub_rounds.append(load(hub, hub_port, connections))
                bare_rounds.append(load(bare, bare_port, connections))
            ours, beside = medians(hub_rounds), medians(bare_rounds)
            yield Row(
                f"acknowledged POST, {connections} connections",
                ours,
                beside,
                "stores and checks nothing",
                [rate_at_least(aim, ours, beside)],
            )


def load(server: Child, port: int, connections: int) -> Figures:
    before = server.cpu()
    printed = output_of(
        "tests.bench.sender", "--port", str(port), "--path", "/in/gemini", "--connections", str(connections)
    )
    report = orjson.loads(printed)
    cpu = (server.cpu() - before) / report["total"] * 1e6
    return Figures(report["requests"] / report["seconds"], report["p50"], report["p99"], cpu)
