"""The ``hub.yaml`` of the hub under test."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from tests.chaos.events import ALERTS, ARCHIVE, HOOKS, SECRET, SOURCE, WAREHOUSE

PARTITIONS = 4
CALL_TIMEOUT = 5.0  # seconds

_OURS = f"{{source: [{SOURCE}]}}"  # not the hub's own news
_PRIORITY = "'{{ metadata.priority }}'"
_TEXT = "'{{ data.text }}'"

_CONFIGURATION = """\
version: 1
name: {name}
log: {{partitions: {partitions}}}
retry: {{delays: [200ms, 1s, 3s]}}
sources:
  {source}:
    type: standard_webhooks
    secrets: ["{secret}"]
    subject: data.id
    metadata: {{priority: data.priority}}
defaults:
  isolate: true
  timeout: {timeout:g}s
  retry: {{max_attempts: 1000, backoff: 200ms, max_backoff: 2s}}
destinations:
{destinations}
routes:
{routes}
"""


def write_configuration(
    path: Path,
    *,
    name: str,
    database_url: str | None = None,
    http_url: str | None = None,
    slack_url: str | None = None,
    store: Mapping[str, Any] | None = None,
    timeout: float = CALL_TIMEOUT,
) -> None:
    """A hub that sends everything to the database, the HTTP endpoint and the object store, and some of it to Slack;
    those that have an address (``store``: options of the object store). Nothing is ever given up but what a destination
    refuses for good. ``timeout`` (seconds) is for each call.
    """
    destinations, routes = [], []
    if database_url is not None:
        destinations.append(f'{WAREHOUSE}: {{type: database, url: "{database_url}", statement_timeout: 3s}}')
        routes.append(f"{{id: keep, when: {_OURS}, to: {WAREHOUSE}}}")
    if http_url is not None:
        destinations.append(f'{HOOKS}: {{type: http, url: "{http_url}", secrets: [{SECRET}], request_timeout: 5m}}')
        routes.append(f"{{id: forward, when: {_OURS}, to: {HOOKS}, priority: {_PRIORITY}}}")
    if slack_url is not None:
        destinations.append(f"{ALERTS}: {{type: slack, webhook_url: {slack_url!r}, text: {_TEXT}}}")
        routes.append(f"{{id: alert, when: {{type: [order.failed]}}, to: {ALERTS}}}")
    if store is not None:
        options = {"type": "object_store", **store, "path": "{type}", "batch": {"max_records": 300, "max_wait": "1s"}}
        destinations.append(f"{ARCHIVE}: {orjson.dumps(options).decode()}")
        routes.append(f"{{id: archive, when: {_OURS}, to: {ARCHIVE}}}")
    path.write_text(
        _CONFIGURATION.format(
            name=name,
            partitions=PARTITIONS,
            source=SOURCE,
            secret=SECRET,
            timeout=timeout,
            destinations="\n".join(f"  {one}" for one in destinations),
            routes="\n".join(f"  - {one}" for one in routes),
        )
    )


def is_work(topic: str) -> bool:
    """Whether the hub works that topic off: what it cannot read there becomes a dead letter."""
    return topic.split(".")[1:2] in (["events"], ["deliveries"], ["retries"])


def is_ledger(topic: str) -> bool:
    """Whether it is one of its ledgers: what cannot be read there is skipped."""
    return topic.split(".")[1:2] in (["decisions"], ["outcomes"])
