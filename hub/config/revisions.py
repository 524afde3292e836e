"""Revisions of the configuration: how one comes into force, and what becomes of the one before. Pure."""

from collections.abc import Iterator
from datetime import datetime

from hub.config.model import Configuration
from schemas.revision import AppliedBy, AppliedRevision


def applied(
    configuration: Configuration, head: AppliedRevision | None, *, by: str, why: str, at: datetime
) -> AppliedRevision:
    """The record that puts a configuration into force after ``head``."""
    return AppliedRevision(
        revision=configuration.revision,
        previous=head.revision if head else None,
        kind=AppliedBy.APPLY,
        overrides=None,
        by=by,
        why=why,
        at=at,
        destinations=tuple(configuration.destinations),
        texts=configuration.texts,
    )


def rolled_back(to: AppliedRevision, head: AppliedRevision, *, by: str, why: str, at: datetime) -> AppliedRevision:
    """The record that puts an earlier revision into force again, against the file that ``head`` came from."""
    return AppliedRevision(
        revision=to.revision,
        previous=head.revision,
        kind=AppliedBy.ROLLBACK,
        overrides=file_of(head),
        by=by,
        why=why,
        at=at,
        destinations=to.destinations,
        texts=to.texts,
    )


def file_of(head: AppliedRevision) -> str:
    """The revision that the file had when ``head`` came into force."""
    return head.overrides or head.revision


def is_settled(head: AppliedRevision | None, file: str) -> bool:
    """Whether a file with the revision ``file`` has nothing to add: it is in force, or somebody rolled it back."""
    return head is not None and file in {head.revision, head.overrides}


def refusals(current: Configuration, new: Configuration) -> Iterator[str]:
    """What cannot change while a hub runs, each with the reason."""
    if new.name != current.name:
        yield (
            f"`name` is {new.name}, and this hub is {current.name}: another name is another hub, with topics of its "
            "own. Start it beside this one"
        )
    elif new.log.partitions != current.log.partitions:
        yield (
            f"log.partitions is {new.log.partitions}, and the topics have {current.log.partitions}: the number is "
            "fixed when a topic is created, since with another one events of one subject would lose their order"
        )
