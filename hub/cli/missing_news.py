"""``hub ledger verify --tell``: what is missing, as the hub's own news."""

from connectors.context import utc_now
from hub.ledger.judge import Loss
from hub.ledger.verify import Verification
from hub.log.connection import KafkaConnection
from hub.log.news import News
from hub.log.topics import HEADROOM, Topics
from hub.log.writer import LogWriter
from schemas.identity import DeliveryId, destination_of
from schemas.news import NewsType


async def tell_missing(found: Verification, kafka: KafkaConnection, topics: Topics, partitions: int) -> None:
    """Write one ``ledger.missing`` per destination, with how many of what is named belong to it. Nothing where nothing
    is missing. What cannot be written is logged: the exit code says it all the same.
    """
    if found.fine:
        return
    writer = LogWriter(kafka, max_pending_records=1000, max_pending_bytes=10 * HEADROOM, max_record_bytes=HEADROOM)
    news = News(writer, topics, partitions, utc_now)
    await writer.start()
    news.start()
    try:
        for one in found.missing:
            source = one.id.partition("/")[0] or None
            about = f"{one.loss}, {one.last_seen}"
            if one.loss in {Loss.END, Loss.DEAD_LETTER}:
                delivery = DeliveryId(one.id)
                destination = destination_of(delivery)
                news.tell(NewsType.LEDGER_MISSING, destination, source=source, delivery=delivery, error=about)
            else:
                news.tell(NewsType.LEDGER_MISSING, None, source=source, event=one.id or None, error=about)
    finally:
        await news.close()
        await writer.stop()
