"""Plans a replay, writes it, and waits for its ends."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click

from connectors.api import ArchiveReader
from hub.cli.paced_writing import write_all
from hub.cli.printing import to_json
from hub.cli.progress import progress_bar, reading
from hub.cli.replay.beginning import matcher
from hub.cli.replay.planning import notifying, plan_json, show_plan
from hub.config.model import Configuration
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.scanner import LogScanner
from hub.replay.archived import archived_records
from hub.replay.ends import Ends
from hub.replay.matching import Mark, Plan, advanced, plan, steps
from hub.replay.paced import step_size
from hub.replay.progress import ArchivePosition, Replay, ReplayFiles
from schemas.outcome import OutcomeState

_SAVE_EVERY = 1.0
"""Seconds of work that a kill repeats at most, beside the step that was under way. `deliver` removes the repeats."""

_LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Stage:
    """What a replay runs on, and how it was asked to."""

    configuration: Configuration
    kafka: KafkaConnection
    files: ReplayFiles
    rate: float
    waiting: bool
    as_json: bool
    archive: ArchiveReader | None = None

    @property
    def scanner(self) -> LogScanner:
        return LogScanner(self.kafka)

    @property
    def events(self) -> str:
        return self.configuration.topics.events

    def records(self, replay: Replay, *, whole: bool) -> Iterator[Any]:
        """The events of a replay: all of them, or what is left."""
        if self.archive is None:
            return self.scanner.within(self.events, replay.spans if whole else replay.left)
        assert replay.archive is not None, "Stage.archive is what the replay names"
        begin = ArchivePosition(replay.archive.archive) if whole else replay.archive
        return archived_records(self.archive, self.configuration.log.partitions, begin)


def replay_events(stage: Stage, replay: Replay, *, notify: bool, yes: bool) -> int:
    """Say what it would do, and do it if that was asked for and is allowed; returns the exit code."""
    if yes:
        LogAdmin(stage.kafka, stage.configuration.layout).ensure()  # the lane may be younger than the events
    ends = _ends(stage, replay) if stage.waiting else None
    planned = _plan(stage, replay, ends)
    report = plan_json(planned, replay, stage.configuration)
    if not stage.as_json:
        beginnings = stage.scanner.beginnings(stage.events) if stage.archive is None else {}
        show_plan(planned, replay, stage.configuration, beginnings)
    refused = not notify and _refused(stage, replay)
    if yes and not refused and planned.matching:
        click.echo(f"replay {replay.id}", err=True)
        return _finish(stage, replay, ends, report, planned.scanned)
    if stage.as_json:
        click.echo(to_json(report))
    elif planned.matching and not yes:
        click.echo("\nnothing is written; --yes does it", err=True)
    return 1 if yes and refused else 0


def go_on(stage: Stage, replay: Replay) -> int:
    """Go on where a replay stopped; returns the exit code."""
    if replay.revision != stage.configuration.revision and not replay.finished:
        click.echo("hub.yaml changed since it began: what is left is matched by the route as it is now", err=True)
    if stage.archive is None and (lost := _deleted(stage, replay)):
        click.echo(f"{lost:,} events were deleted (log.retention) before they could be replayed", err=True)
    ends = _ends(stage, replay) if stage.waiting else None
    if ends is not None:
        _plan(stage, replay, ends)
    return _finish(stage, replay, ends, {"id": replay.id, "route": replay.route})


def _plan(stage: Stage, replay: Replay, ends: Ends | None) -> Plan:
    each = ends.expect if ends else lambda _: None
    with reading("the log" if stage.archive is None else "the archive"):
        return plan(stage.records(replay, whole=True), matcher(stage.configuration, replay), each)


def _refused(stage: Stage, replay: Replay) -> bool:
    disturbing = notifying(stage.configuration, replay)
    if not disturbing:
        return False
    others = [f"--destination {name}" for name in replay.destinations if name not in disturbing]
    instead = f", or {' '.join(others)} to leave it out" if others else ""
    click.echo(
        f"\nhub: {', '.join(disturbing)} would disturb people again, which is refused; --notify does it{instead}",
        err=True,
    )
    return True


def _deleted(stage: Stage, replay: Replay) -> int:
    """Events that were still to be looked at, and that the log no longer has."""
    first = {partition: span.start for partition, span in stage.scanner.spans(stage.events).items()}
    return sum(len(range(span.start, min(first.get(p, span.stop), span.stop))) for p, span in replay.left.items())


def _finish(
    stage: Stage, replay: Replay, ends: Ends | None, report: Mapping[str, Any], total: int | None = None
) -> int:
    replay = _write(stage, replay, total)
    if not stage.as_json:
        click.echo(f"{replay.written:,} deliveries written")
    if not replay.finished:
        click.echo(f"stopped; `hub replay --resume {replay.id}` goes on", err=True)
    elif ends is not None:
        _wait(ends, replay)
    if stage.as_json:
        found = {**report, "finished": replay.finished, "written": replay.written}
        click.echo(to_json(found if ends is None else {**found, **_ends_json(ends)}))
    elif ends is not None:
        for (destination, state), count in sorted(ends.counts.items()):
            click.echo(f"{destination}: {count:,} {state}")
    dead = ends is not None and any(state is OutcomeState.DEAD for _, state in ends.counts)
    return 1 if dead or not replay.finished or (ends is not None and ends.pending) else 0


def _write(stage: Stage, replay: Replay, total: int | None) -> Replay:
    """Returns it as it is then: finished, unless Ctrl-C stopped it. ``total``: how many events an archive has."""
    stage.files.save(replay)
    saved = time.monotonic()
    records = stage.records(replay, whole=False)
    size = step_size(stage.rate)
    left = sum(map(len, replay.left.values())) if stage.archive is None else total
    with progress_bar("events", left) as advance:

        def done(mark: Mark) -> None:
            nonlocal replay, saved
            replay = advanced(replay, mark)
            advance(mark.scanned)
            if time.monotonic() - saved > _SAVE_EVERY:
                stage.files.save(replay)
                saved = time.monotonic()

        try:
            write_all(
                steps(records, matcher(stage.configuration, replay), replay, stage.configuration, size),
                stage.kafka,
                max_body=stage.configuration.max_body,
                rate=stage.rate,
                done=done,
                again=f"`hub replay --resume {replay.id}` goes on",
            )
        finally:
            stage.files.save(replay)
    return replay


def _ends(stage: Stage, replay: Replay) -> Ends:
    return Ends(stage.scanner, stage.configuration.topics, replay)


def _wait(ends: Ends, replay: Replay) -> None:
    """Until every delivery has its end, for as long as it takes, or until Ctrl-C."""
    try:
        with progress_bar("ends", ends.pending) as advance:
            while ends.pending:
                before = ends.pending
                ends.read()
                advance(before - ends.pending)
                if ends.pending:
                    _pause()
    except KeyboardInterrupt:
        click.echo(
            f"{ends.pending:,} deliveries have no end yet; `hub replay --resume {replay.id} --wait` waits on", err=True
        )


def _pause() -> None:
    time.sleep(_LOOK_EVERY)


def _ends_json(ends: Ends) -> dict[str, Any]:
    counts: dict[str, dict[str, int]] = {}
    for (destination, state), count in sorted(ends.counts.items()):
        counts.setdefault(destination, {})[str(state)] = count
    return {"ends": counts, "pending": ends.pending}
