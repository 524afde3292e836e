"""Which configuration is in force, who runs it, and what is wrong with that. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.report import ProcessReport
from schemas.revision import AppliedBy, AppliedRevision

TAKEN_UP = timedelta(seconds=60)
"""A revision is taken up within moments, by a worker that waits for a hanging call within half a minute."""


@dataclass(frozen=True, slots=True)
class InForce:
    """``revision`` is in force since ``since``, decided ``by`` somebody; None: nothing was applied yet. ``file`` is the
    revision of the file that was looked at; None: nobody has one here. ``processes`` are those that reported lately.
    """

    revision: str | None
    since: datetime | None
    by: str | None
    why: str | None
    rolled_back: bool
    file: str | None
    processes: tuple[ProcessReport, ...]

    @property
    def drift(self) -> bool:
        """Whether the file says something else than what is in force."""
        return None not in {self.revision, self.file} and self.revision != self.file


def in_force(
    head: AppliedRevision | None, file: str | None, processes: Sequence[ProcessReport], now: datetime, fresh: timedelta
) -> InForce:
    """Put it together. Reports that are not ``fresh`` say nothing."""
    return InForce(
        revision=head.revision if head else None,
        since=head.at if head else None,
        by=head.by if head else None,
        why=head.why if head else None,
        rolled_back=head is not None and head.kind is AppliedBy.ROLLBACK,
        file=file,
        processes=tuple(sorted((one for one in processes if now - one.at <= fresh), key=lambda one: one.process)),
    )


def problems_of(found: InForce, now: datetime) -> Iterator[str]:
    """What a person should look at, each a part of a sentence."""
    if found.drift:
        how = f"rolled back by {found.by}" if found.rolled_back else f"applied by {found.by}"
        yield f"drift: in force is {found.revision}, {how}, and the file is {found.file}"
    for one in found.processes:
        if one.refused is not None:
            reason = (one.problem or "").partition("\n")[0]
            yield f"{one.kind} {one.process} cannot take up {one.refused} and runs {one.revision} ({reason})"
        elif found.revision not in {None, one.revision} and found.since and now - found.since > TAKEN_UP:
            yield f"{one.kind} {one.process} runs {one.revision}, and not {found.revision}"
