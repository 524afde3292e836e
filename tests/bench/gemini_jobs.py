"""Jobs of the emulated Gemini API whose webhooks get lost, come twice, out of order and badly signed: what has an
effect, how often, and how long after the job's end.

The whole hub, with reconciliation, and a route that asks for one effect per job. Not a comparison, but a count: every
job exactly once. Polling every ten seconds would see an end five seconds late in the middle, and ten at worst.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.request import Request, urlopen

from tests.bench.figures import Figures, Row, percentile
from tests.bench.stage import Stage, answers, free_port
from tests.bench.whole_hub import rows_of, up
from tests.fixtures.gemini_account import BATCH, CREATE

JOBS, _PER_SECOND = 400, 20
_SPEED = 200
_FAULTS = "lost=0.2,duplicate=0.3,reorder=0.3,wrong-signature=0.1"
_AFTER, _EVERY = 1, 1  # seconds: reconciliation waits so long for a webhook, and looks so often
_DEADLINE = 180.0
_CONFIGURATION = """
sources:
  gemini:
    type: gemini
    secrets: ["{webhook_secret}"]
    api_key: any
    base_url: "{api}"
    reconcile: {every: {every}s, after: {after}s}
destinations:
  effects: {type: database, url: "sqlite:///events.db", table: events, key: delivery}
routes:
  - {id: once, when: {type: [{prefix: batch.}]}, to: effects, once_per: [subject, type]}
  - {id: each, when: {type: [{prefix: batch.}]}, to: effects}
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """``delay``: seconds from the job's end. ``reconciled``: its webhook never came, or came later than that."""

    delay: float
    reconciled: bool


def run(stage: Stage) -> Iterator[Row]:
    port, emulator = free_port(), free_port()
    options = ("--port", str(emulator), "--speed", str(_SPEED), "--faults", _FAULTS, "--seed", "7", "--quiet")
    home = stage.folder / "gemini-jobs-hub"
    with stage.running("-m", "hub", "emulate", "gemini", *options, "--home", str(stage.folder / "emulator")) as sender:
        api = f"http://127.0.0.1:{emulator}"
        sender.until(lambda: answers(emulator, "/emulator/status"), "the emulator answers")
        webhook = {"uri": f"http://127.0.0.1:{port}/in/gemini", "subscribed_events": ["batch.succeeded"]}
        secret = _ask(f"{api}/v1/webhooks", webhook)["new_signing_secret"]
        text = _CONFIGURATION.replace("{webhook_secret}", secret).replace("{api}", api)
        text = text.replace("{every}", str(_EVERY)).replace("{after}", str(_AFTER))
        with up(stage.configuration("gemini-jobs", text), home, port):
            sender.until(lambda: answers(port, "/readyz"), "the hub is ready", _DEADLINE)
            hub = (home / "run" / "api.url").read_text().strip()
            names = _submitted(api)
            sender.until(lambda: _is_settled(api, hub), "every webhook is delivered and every delivery made", _DEADLINE)
            found = rows_of(home / "events.db", "route, subject, source, id")
            once = [row for route, *row in found if route == "once"]
            each = [row for route, *row in found if route == "each"]
            measured = _effects(once, hub, api)
            sent = _all(api, "deliveries")
        yield _counted(names, once, each, sent)
        yield from _delays(measured)


def _counted(
    names: Sequence[str], once: Sequence[Sequence[str]], each: Sequence[Sequence[str]], sent: Sequence[dict[str, Any]]
) -> Row:
    lost = sum(delivery["state"] == "lost" for delivery in sent)
    twice = sum(delivery["duplicate"] for delivery in sent)
    refused = sum(attempt["status"] == 401 for delivery in sent for attempt in delivery["attempts"])
    counts = _per_job(names, once)
    return Row(
        f"{len(names)} jobs: {lost} webhooks lost, {twice} sent twice, {refused} badly signed",
        _shown(counts),
        _shown(_per_job(names, each)),
        f"a route without `once_per`. Aim: each job exactly one: {'met' if set(counts) == {1} else 'missed'}",
    )


def _per_job(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Counter[int]:
    """Number of effects → how many jobs had so many."""
    counts = Counter(subject for subject, *_ in rows)
    return Counter(counts[name.removeprefix("batches/")] for name in names)


def _shown(counts: Counter[int]) -> str:
    return ", ".join(f"{jobs} with {count} effect{'s' * (count != 1)}" for count, jobs in sorted(counts.items()))


def _delays(measured: Sequence[Effect]) -> Iterator[Row]:
    came = f"the fault `reorder` holds back up to {900 / _SPEED:g} s, a bad signature {5500 / _SPEED:.0f} ms"
    never = f"reconciliation waits {_AFTER} s for a webhook, looks every {_EVERY} s"
    for reconciled, what, why in (False, "whose webhook came", came), (True, "found by reconciliation", never):
        delays = sorted(each.delay for each in measured if each.reconciled is reconciled)
        if delays:
            figures = Figures(p50=1000 * percentile(delays, 0.5), p99=1000 * percentile(delays, 0.99))
            yield Row(f"from a job's end to its effect: {len(delays)} jobs {what}", figures, "", why)


def _submitted(api: str) -> list[str]:
    names = []
    began = time.monotonic()
    for number in range(JOBS):
        time.sleep(max(0.0, began + number / _PER_SECOND - time.monotonic()))
        names.append(_ask(f"{api}{CREATE}", BATCH)["name"])
    return names


def _is_settled(api: str, hub: str) -> bool:
    """Nothing is on its way, and reconciliation has looked since: a second effect would have been seen."""
    jobs = _all(api, "jobs")
    last = max((job.get("ended_at", float("inf")) for job in jobs), default=0.0)
    if time.time() < last + _AFTER + 3 * _EVERY or any(each["state"] == "pending" for each in _all(api, "deliveries")):
        return False
    standing = _ask(f"{hub}/status")["standing"]
    [effects] = standing["destinations"]
    waiting = sum(lane["backlog"] for lane in effects["lanes"]) + effects["retries"]["waiting"] + standing["undecided"]
    return bool(waiting == 0)


def _effects(found: Sequence[Sequence[str]], hub: str, api: str) -> list[Effect]:
    ended = {job["name"].removeprefix("batches/"): job["ended_at"] for job in _all(api, "jobs")}
    effects = []
    for subject, source, event in found:
        life = _ask(f"{hub}/events/{source}/{event}")
        delivered = min(each["ended"] for each in life["outcomes"] if each["state"] == "delivered")
        delay = datetime.fromisoformat(delivered).timestamp() - ended[subject]
        effects.append(Effect(delay, life["verified"]["scheme"] == "reconciled"))
    return effects


def _all(api: str, what: str) -> list[dict[str, Any]]:
    """The emulator's jobs or deliveries."""
    found: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        page = _ask(f"{api}/emulator/{what}" + (f"?pageToken={token}" if token else ""))
        found += page.get(what, [])
        token = page.get("nextPageToken")
    return found


def _ask(url: str, body: Any = None) -> Any:
    headers = {"x-goog-api-key": "any", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, headers), timeout=30) as answer:  # noqa: S310  (loopback)
        return json.load(answer)
