"""Nothing is lost: a whole hub under load, some faults, and every promise compared with what is there.

The long run is ``python -m tests.chaos.run``.
"""

from pathlib import Path

import pytest

from tests.chaos import trial
from tests.chaos.arena import arena
from tests.chaos.events import ALERTS, ARCHIVE, HOOKS, WAREHOUSE
from tests.chaos.fault_proxy import Mode
from tests.chaos.schedule import HAZARDS, JVM, Hazard, Kind, schedule
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.s3 import S3Server
from tests.fixtures.s3_faults import Fault as PutFault

pytestmark = pytest.mark.timeout(600)

CHOSEN = (
    (Kind.KILL, HOOKS, ""),
    (Kind.KILL, JVM, ""),
    (Kind.KILL, ARCHIVE, ""),
    (Kind.ANSWER, ARCHIVE, PutFault.ERROR_AFTER),
    (Kind.FREEZE, WAREHOUSE, ""),
    (Kind.NETWORK, ALERTS, Mode.RESET),
    (Kind.DATABASE_RESTART, WAREHOUSE, ""),
    (Kind.GARBAGE, "topics", ""),
    (Kind.REUSE, "sender", ""),
    (Kind.FLOOD, "sender", ""),
    (Kind.SKEW, "sender", ""),
)


def hazards() -> list[Hazard]:
    by_name = {(hazard.kind, hazard.target, hazard.detail): hazard for hazard in HAZARDS}
    return [by_name[name] for name in CHOSEN]


async def test_a_hub_under_faults_keeps_every_promise(
    postgres: PostgresServer, postgres_database: str, s3: S3Server, tmp_path: Path
) -> None:
    plan = trial.Plan(events=1500, quiet=0, rate=150, faults=schedule(1, len(CHOSEN), hazards()))
    async with arena(tmp_path, postgres, postgres_database, s3) as everything:
        report = await trial.perform(plan, everything)
    assert not report.violations
    assert len(report.collected.windows) == len(CHOSEN)
    counts = {name: count for verdict in report.verdicts for name, count in verdict.counts.items()}
    assert counts["buried"] > 0, "no garbage was written: this proves less than it says"
