"""A destination that had another name before: what waits under that name is delivered first."""

import asyncio
import logging
from dataclasses import replace

from hub.log.admin import LogAdmin
from hub.log.admin_client import KafkaUnavailableError, LogAdminError
from hub.log.connection import KafkaConnection
from hub.log.topics import Layout

_log = logging.getLogger(__name__)

_EVERY = 0.3  # seconds
_TELL_EVERY = 60.0


class Predecessor:
    """``destination`` is the name from before. Its deliverer goes on in some worker (`hub.processors.retirement`)."""

    def __init__(self, connection: KafkaConnection, layout: Layout, destination: str) -> None:
        self._admin = LogAdmin(connection, replace(layout, destinations=(destination,)))
        self._destination = destination

    async def drained(self, partition: int) -> None:
        """Return when everything that waits in this partition is done with.

        Call it when there is something under the new name: whoever routes this partition writes nothing more under the
        old one then. What waits for another try does not count, as ever (``order: subject``).
        """
        waited = 0.0
        while (left := await self._left(partition)) != 0:
            await asyncio.sleep(_EVERY)
            waited += _EVERY
            if waited >= _TELL_EVERY:
                waited = 0.0
                extra = {"was": self._destination, "partition": partition, "records": left}
                _log.warning("what waits under a former name is delivered first", extra=extra)

    async def _left(self, partition: int) -> int | None:
        """None: nobody knows now."""
        try:
            found = await asyncio.to_thread(self._admin.unfinished, [self._destination])
        except (KafkaUnavailableError, LogAdminError) as error:
            _log.warning("waiting for Kafka", extra={"error": str(error)})
            return None
        return found.get(self._destination, {}).get(partition, 0)
