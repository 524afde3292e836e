"""The hub's own news on a real log: events like any other."""

from datetime import UTC, datetime

from hub.config.model import LogConfig
from hub.log.admin import LogAdmin
from hub.log.connection import KafkaConnection
from hub.log.news import News
from hub.log.reader import LogReader
from hub.log.records import partition_for
from hub.log.topics import Layout, Topics
from hub.log.writer import LogWriter
from schemas.news import HUB_SOURCE, NewsType

PARTITIONS = 4


async def test_what_was_told_is_in_the_events_topic_in_the_order_of_its_destination(
    kafka: KafkaConnection, topics: Topics
) -> None:
    LogAdmin(kafka, Layout(topics, LogConfig(partitions=PARTITIONS))).ensure()
    writer = LogWriter(kafka, max_pending_records=100, max_pending_bytes=10**6, max_record_bytes=10**6)
    await writer.start()
    news = News(writer, topics, PARTITIONS, lambda: datetime.now(UTC))
    news.start()
    for error in ("first", "second", "third"):
        news.tell(NewsType.DELIVERY_DEAD, "alerts", source="shop", error=error)
    news.tell(NewsType.DESTINATION_DOWN, "warehouse", source="shop", error="no route to host")
    news.tell(NewsType.DESTINATION_UP, "warehouse", source=HUB_SOURCE)
    await news.close()
    await writer.stop()

    found = list(LogReader(kafka, topics).events())
    told = [(one.event.type, one.event.metadata["count"]) for one in found if one.event.subject == "alerts"]
    assert told == [("delivery.dead", 1), ("delivery.dead", 2)]
    told = [(one.event.type, one.event.metadata["count"]) for one in found if one.event.subject == "warehouse"]
    assert told == [("destination.down", 1), ("destination.up", 1)]
    assert {one.event.source for one in found} == {HUB_SOURCE}
    assert all(one.partition == partition_for(one.event.subject or "", PARTITIONS) for one in found)
