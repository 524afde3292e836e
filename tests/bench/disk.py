"""What a whole hub keeps on the disk: after a start, and for each event with one database destination.

At a rate at which nearly every event is a batch of its own in Kafka, which is the dear case. Measured once: bytes do
not depend on how busy the machine is.
"""

import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Row
from tests.bench.stage import Stage, answers, free_port, output_of
from tests.bench.webhooks import body
from tests.bench.whole_hub import rows, up

_RATE, _SECONDS = 300, 20
_EVENTS = _RATE * _SECONDS
_DEADLINE = 60.0  # seconds
_CONFIGURATION = """
sources:
  gemini: {type: gemini, secrets: ["{secret}"]}
destinations:
  warehouse: {type: database, url: "sqlite:///events.db"}
routes:
  - {id: keep, to: warehouse}
"""

_INDEX = "index"  # grows by doubling, not with each event
_KINDS = {"events": "log", "deliveries": "delivery", "decisions": "decision", "outcomes": "outcome"}


def run(stage: Stage) -> Iterator[Row]:
    home = stage.folder / "disk-home"
    config = stage.configuration("disk", _CONFIGURATION)
    port = free_port()
    with up(config, home, port):
        _until(port)
    before = held(home)
    with up(config, home, port):
        _until(port)
        options = ("--port", str(port), "--path", "/in/gemini", "--rate", str(_RATE), "--seconds", str(_SECONDS))
        output_of("tests.bench.sender", *options, "--connections", "16")
        deadline = time.monotonic() + _DEADLINE
        while rows(home / "events.db") < _EVENTS:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{rows(home / 'events.db')} of {_EVENTS} events were delivered")
            time.sleep(0.1)
    grown = held(home)
    grown.subtract(before)
    shutil.rmtree(home, ignore_errors=True)
    yield Row("data folder after a start", f"{before.total() / 1e6:.1f} MB")
    index = grown.pop(_INDEX, 0)
    kept = {kind: size / _EVENTS for kind, size in grown.most_common() if size > 10 * _EVENTS}
    yield Row(
        f"disk for an event of {len(body(0))} bytes, one database destination",
        f"{sum(kept.values()):,.0f} bytes",
        ", ".join(f"{kind} {size:,.0f}" for kind, size in kept.items()),
    )
    yield Row(f"index of what was delivered, for {_EVENTS:,} events", f"{index / 1e6:.1f} MB")


def held(home: Path) -> Counter[str]:
    """Bytes on the disk, by what they are for. Allocated ones: Kafka's indexes are larger than what is in them."""
    found: Counter[str] = Counter()
    for path in home.rglob("*"):
        if path.is_file():
            found[_kind(path.relative_to(home))] += path.stat().st_blocks * 512
    return found


def _kind(path: Path) -> str:
    topic = re.fullmatch(r"kafka/data/disk\.(\w+)[^/]*/.*", str(path))
    if topic:
        return _KINDS.get(topic[1], topic[1])
    if path.name.startswith(("events.db", "status.db")):
        return "rows of the destination" if path.name.startswith("events") else "status"
    return _INDEX if path.parts[0] == "outcomes" else path.parts[0]


def _until(port: int) -> None:
    deadline = time.monotonic() + _DEADLINE
    while not answers(port, "/readyz"):
        if time.monotonic() > deadline:
            raise TimeoutError("the hub never became ready")
        time.sleep(0.05)
