"""The first of the raw loops: an endpoint that sends what it receives to Kafka and answers when it is acknowledged.

``python -m tests.bench.raw_endpoint --bootstrap B --hub NAME --port P``
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from hub.log.records import encode_event, partition_for_bytes
from hub.log.topics import Topics
from tests.bench.kafka_loops import make_producer
from tests.bench.preload import PARTITIONS, event

_HEAD = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]}
_BODY = {"type": "http.response.body", "body": b"{}"}


class Endpoint:
    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._headers = [header for header in encode_event(event(0)).headers if header[0] != "ce_id"]
        self.producer: AIOKafkaProducer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        identity = dict(scope["headers"])[b"webhook-id"]
        partition = partition_for_bytes(identity, PARTITIONS)
        headers = [("ce_id", identity), *self._headers]
        await self.producer.send_and_wait(self._topic, body, identity, partition, headers=headers)
        await send(_HEAD)
        await send(_BODY)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--hub", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    endpoint = Endpoint(Topics(given.hub).events)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        async with make_producer(given.bootstrap) as endpoint.producer:
            yield

    app = Starlette(routes=[Mount("/in", app=endpoint)], lifespan=running)
    uvicorn.run(app, port=given.port, access_log=False, log_level="warning", ws="none")


if __name__ == "__main__":
    main()
