"""What must be there before a worker works: the broker, the topics, and what the groups have committed."""

import asyncio
import logging
from collections.abc import Iterable

from hub.config.model import Configuration
from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError
from hub.log.connection import KafkaConnection

_log = logging.getLogger(__name__)

_BROKER_PAUSE = 1.0  # seconds


async def prepare(connection: KafkaConnection, configuration: Configuration, added: Iterable[str]) -> None:
    """Make the topics of a configuration, and warn of groups that lost their offsets, those of the ``added``
    destinations. Waits for the broker as long as it takes.

    Raises:
        LogAdminError: the cluster refuses, or is not as it must be.
    """
    admin = LogAdmin(connection, configuration.layout)
    while True:
        try:
            created = await asyncio.to_thread(admin.ensure)
            for name in added:
                await _warn_of_forgotten(admin, name)
        except KafkaUnavailableError as error:
            _log.warning("waiting for Kafka", extra={"error": str(error)})
            await asyncio.sleep(_BROKER_PAUSE)
        else:
            if created:
                _log.info("topics created", extra={"topics": " ".join(created)})
            return


async def _warn_of_forgotten(admin: LogAdmin, destination: str) -> None:
    """A group that lost its offsets starts at the beginning; the outcomes remove what they still remember."""
    partitions = await asyncio.to_thread(admin.forgotten, destination)
    if partitions:
        _log.error(
            "the group has no committed offsets although there are outcomes: deliveries are read from the beginning, "
            "and those whose outcomes are older than the deduplication window are made again",
            extra={"destination": destination, "partitions": partitions},
        )
