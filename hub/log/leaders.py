"""Lets an aiokafka consumer find a partition's leader that has moved."""

from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError


def follow_leaders(consumer: AIOKafkaConsumer) -> None:
    """After the consumer is started.

    Where nothing is committed yet, stock asks a partition's leader for its first offset, and when that one is not the
    leader any more, asks it again and again, for the five minutes that metadata may be old. Meanwhile it fetches
    nothing from it either.
    """
    fetcher = consumer._fetcher  # noqa: SLF001  (pinned; there is no hook)
    ask = fetcher._proc_offset_request  # noqa: SLF001

    async def ask_or_look_again(node_id: int, topics: Mapping[str, Any]) -> Any:
        try:
            return await ask(node_id, topics)
        except KafkaError as error:
            if error.invalid_metadata:
                consumer._client.force_metadata_update()  # noqa: SLF001
            raise

    fetcher._proc_offset_request = ask_or_look_again  # noqa: SLF001
