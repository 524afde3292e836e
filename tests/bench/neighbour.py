"""A destination that is down, and how much later its neighbour gets its events because of that."""

from collections.abc import Iterator

from tests.bench.end_to_end import through_the_hub
from tests.bench.figures import Figures, Row, latency_at_most, medians
from tests.bench.noop_destination import install
from tests.bench.stage import ROUNDS, Stage

_P50_AIM, _P99_AIM = 1.1, 2.0
_CONFIGURATION = """
sources:
  gemini: {{type: gemini, secrets: ["{{secret}}"]}}
destinations:
  healthy: {{type: bench_noop, arrivals: "{arrivals}", isolate: false}}
  neighbour: {{type: bench_noop, arrivals: "{arrivals}.neighbour", isolate: false, down: %s}}
routes:
  - {{id: to-both, to: [healthy, neighbour]}}
"""


def run(stage: Stage) -> Iterator[Row]:
    install(stage.folder / "plugins")
    stage.environment["PYTHONPATH"] = str(stage.folder / "plugins")
    rounds: dict[str, list[Figures]] = {"true": [], "false": []}
    for number in range(ROUNDS):
        for down, figures in rounds.items():
            name = f"neighbour-{down}-{number}"
            figures.append(through_the_hub(stage, name, _CONFIGURATION % down, ["healthy", "neighbour"]))
    ours, beside = medians(rounds["true"]), medians(rounds["false"])
    yield Row(
        "end to end, while a neighbour is down",
        ours,
        beside,
        "the same while it is up",
        latency_at_most(_P50_AIM, _P99_AIM, ours, beside),
    )
