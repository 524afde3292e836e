"""Consumer groups as their coordinators see them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hub.log.admin_client import LogAdminError, admin_client
from hub.log.connection import KafkaConnection

_GONE = "Dead"
_SETTLED = frozenset({"Stable", "Empty", _GONE})
"""In other states members join, or wait for what they will be given."""


@dataclass(frozen=True, slots=True)
class GroupView:
    """``settled``: no rebalance is going on. ``held``: member id → its partitions, as (topic, partition); a group that
    does not exist has no members.
    """

    settled: bool
    held: Mapping[str, frozenset[tuple[str, int]]]


def describe_groups(connection: KafkaConnection, groups: Collection[str], timeout: float) -> dict[str, GroupView]:
    """Ask about all of them over one connection. Blocks; ``timeout`` (seconds) bounds connecting, and each request.

    Raises:
        KafkaUnavailableError: nobody answers.
        LogAdminError: the cluster does not tell.
    """
    with admin_client(connection, timeout) as client:
        found = client.describe_groups(list(groups))
    refused = [f"{name}: {one['error']}" for name, one in found.items() if one["error"] and one["group_state"] != _GONE]
    if refused:
        raise LogAdminError(f"Kafka does not describe the group {'; '.join(refused)}")
    return {
        name: GroupView(
            settled=one["group_state"] in _SETTLED,
            held={member["member_id"]: _partitions(member["member_assignment"]) for member in one["members"]},
        )
        for name, one in found.items()
    }


def _partitions(assignment: object) -> frozenset[tuple[str, int]]:
    """A member that has not been given anything yet has no assignment at all, not an empty one."""
    if not assignment:
        return frozenset()
    if not isinstance(assignment, Mapping):  # to take it for an empty one would make its partitions look unowned
        raise LogAdminError("a member of the group was assigned partitions in a form that cannot be read")
    return frozenset(
        (one["topic"], partition) for one in assignment["assigned_partitions"] for partition in one["partitions"]
    )
