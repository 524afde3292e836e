"""What a deliverer delivers with: made of a destination's entry, and exchanged as a whole when that changes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from connectors.api import Context, HubKafka
from hub.config.model import DestinationEntry
from hub.delivery.budget import Budget
from hub.log.mending import mend
from hub.processors.connector import Connector
from hub.processors.destination_settings import DestinationSettings
from hub.processors.pacing import Pacer
from hub.processors.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Equipment:
    """``slots`` bounds the calls over all partitions, ``budget`` what is collected and not stored yet."""

    entry: DestinationEntry
    settings: DestinationSettings
    connector: Connector
    pacer: Pacer
    slots: asyncio.Semaphore
    budget: Budget


def equip(
    entry: DestinationEntry,
    around: Surroundings,
    taken_over: Callable[[], None],
    called: str | None = None,
    *,
    opens: bool = True,
) -> Equipment:
    """The connector begins to open at once, unless it never ``opens``. ``called`` is what routes call the destination,
    where that is not its name; ``taken_over`` is called when another instance of the connector serves, its secret
    having changed.
    """
    topics, cluster = around.configuration.topics, around.connection.cluster_id
    kafka = HubKafka(around.connection.aiokafka(), f"{topics.hub}.", lambda client: mend(client, cluster))
    context = Context(entry.name, around.home, logging.getLogger(f"hub.{entry.name}"), around.http, kafka=kafka)
    return Equipment(
        entry=entry,
        settings=DestinationSettings(around.configuration, entry, around.past, called),
        connector=Connector(entry, context, taken_over, opens=opens),
        pacer=Pacer(entry.settings.rate_limit),
        slots=asyncio.Semaphore(entry.settings.concurrency),
        budget=Budget(entry.batching.max_buffered),
    )
