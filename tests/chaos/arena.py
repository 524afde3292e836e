"""Everything a fault can get at: the hub, its sender, what is at the far end, and what is in between."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.configuration import write_configuration
from tests.chaos.disks import Disk
from tests.chaos.endpoints import HttpEndpoint, SlackEndpoint
from tests.chaos.events import ALERTS, ARCHIVE, HOOKS, WAREHOUSE, ChaosEvent
from tests.chaos.fault_proxy import FaultProxy
from tests.chaos.load import Sender, sender
from tests.chaos.whole_hub import WholeHub
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.s3 import S3Server
from tests.fixtures.s3_faults import FaultyS3

_SPECIAL = 10_000_000
_DISKS = {"home": 1000, "kafka": 6000}  # megabytes at most; they take what is in them


@dataclass
class Arena:
    """``database_url`` and ``s3`` go around the proxies."""

    hub: WholeHub
    sender: Sender
    hooks: HttpEndpoint
    slack: SlackEndpoint
    store: FaultyS3
    proxies: Mapping[str, FaultProxy]
    postgres: PostgresServer
    database_url: str
    s3: S3Server
    bucket: str
    disks: Mapping[str, Disk] = field(default_factory=dict)
    too_late: list[ChaosEvent] = field(default_factory=list)
    garbage: list[bytes] = field(default_factory=list)
    """What was written into topics that are read, and must be found among the dead letters."""
    _specials: int = _SPECIAL

    def special_number(self) -> int:
        """The number of an event beside the load."""
        self._specials += 1
        return self._specials


@asynccontextmanager
async def arena(
    folder: Path,
    postgres: PostgresServer,
    database_url: str,
    s3: S3Server,
    *,
    disks: bool = False,
) -> AsyncIterator[Arena]:
    """A hub in ``folder`` that is up and ready, with four destinations, each behind a proxy.

    ``disks`` gives its home and its broker file systems that can be full (see `can_mount`).
    """
    async with AsyncExitStack() as stack:
        hooks = await stack.enter_async_context(HttpEndpoint())
        slack = await stack.enter_async_context(SlackEndpoint())
        store = await stack.enter_async_context(FaultyS3(s3.port))
        upstreams = {WAREHOUSE: postgres.port, HOOKS: hooks.port, ALERTS: slack.port, ARCHIVE: store.port}
        proxies = {name: await stack.enter_async_context(FaultProxy(upstream)) for name, upstream in upstreams.items()}
        bucket = await asyncio.to_thread(s3.create_bucket)
        endpoint = f"http://127.0.0.1:{proxies[ARCHIVE].port}"
        hub = WholeHub(folder)
        write_configuration(
            hub.configuration,
            name="hub",
            database_url=database_url.replace(f":{postgres.port}/", f":{proxies[WAREHOUSE].port}/"),
            http_url=f"http://127.0.0.1:{proxies[HOOKS].port}/hooks",
            slack_url=slack.webhook_url.replace(f":{slack.port}/", f":{proxies[ALERTS].port}/"),
            store=s3.options(bucket, endpoint=endpoint, format="jsonl", request_timeout="2s"),
        )
        mounted = {}
        if disks:
            for which, path in (("home", hub.home), ("kafka", hub.home / "kafka")):
                mounted[which] = Disk(path, _DISKS[which])
                stack.callback(mounted[which].unmount)
        await stack.enter_async_context(hub.running())
        posting = await stack.enter_async_context(sender(hub.port))
        yield Arena(hub, posting, hooks, slack, store, proxies, postgres, database_url, s3, bucket, mounted)


@asynccontextmanager
async def own_postgres() -> AsyncIterator[PostgresServer]:
    """A PostgreSQL server for where there is no test session to share one."""
    folder = Path(tempfile.mkdtemp(prefix="hub-postgres-"))
    server = PostgresServer(folder, fsync=False)  # no test loses power
    try:
        await asyncio.to_thread(server.create)
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.stop)
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def own_s3() -> AsyncIterator[S3Server]:
    """An S3 server, likewise."""
    folder = Path(tempfile.mkdtemp(prefix="hub-s3-"))
    server = S3Server(folder)
    try:
        await asyncio.to_thread(server.start)
        yield server
    finally:
        await asyncio.to_thread(server.kill)
        shutil.rmtree(folder, ignore_errors=True)
