"""What happens to a destination, told to people: in the log of the process and as the hub's own news."""

import asyncio
import logging

from hub.log.news import News
from hub.log.records import encode_control, partition_for_bytes
from hub.log.writer import WriterFullError
from hub.processors.surroundings import Surroundings
from schemas.control import Control
from schemas.delivery import DeliveryRecord
from schemas.news import NewsType

_log = logging.getLogger(__name__)

BY_THE_HUB = "hub"
"""Who paused a destination that said that it is gone."""


class Announcer:
    """The witness (`hub.processors.shared.Witness`) of one destination in a worker."""

    def __init__(self, destination: str, around: Surroundings, news: News) -> None:
        self._destination = destination
        self._around = around
        self._news = news
        self._extra = {"destination": destination}

    def died(self, record: DeliveryRecord, reason: str) -> None:
        self._news.tell(
            NewsType.DELIVERY_DEAD,
            self._destination,
            source=record.event.source,
            route=record.route,
            delivery=record.id,
            event=record.event.id,
            error=reason,
        )

    def went_down(self, reason: str) -> None:
        _log.error("destination is down", extra={**self._extra, "error": reason})
        self._news.tell(NewsType.DESTINATION_DOWN, self._destination, source=None, error=reason)

    def came_up(self) -> None:
        _log.info("destination is up again", extra=self._extra)
        self._news.tell(NewsType.DESTINATION_UP, self._destination, source=None)

    def is_gone(self, reason: str) -> None:
        """Pause it for every worker, also for those that start later."""
        _log.error("destination says that it is gone, pausing it", extra={**self._extra, "error": reason})
        self._news.tell(NewsType.DESTINATION_DOWN, self._destination, source=None, error=reason)
        configuration = self._around.configuration
        control = Control(self._destination, paused=True, by=BY_THE_HUB, reason=reason, at=self._around.clock())
        record = encode_control(control)
        partition = partition_for_bytes(record.key or b"", configuration.log.partitions)
        try:
            written = self._around.writer.append(configuration.topics.controls, partition, record)
        except WriterFullError as error:
            self._not_paused_for_all(error)
        else:
            written.add_done_callback(self._check)

    def _check(self, written: "asyncio.Future[int]") -> None:
        if not written.cancelled() and (error := written.exception()):
            self._not_paused_for_all(error)

    def _not_paused_for_all(self, error: BaseException) -> None:
        """This worker holds it all the same; the next call of another one, or after a restart, is answered alike."""
        _log.warning("pause not written", extra={**self._extra, "error": str(error)})
