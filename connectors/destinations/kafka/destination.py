"""The destination: one record per delivery, with the headers that events have in the hub's own log."""

import asyncio
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.helpers import create_ssl_context
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError as AnyKafkaError
from kafka.errors import TopicAlreadyExistsError

from connectors.api import (
    BadRecordError,
    Batch,
    BatchDestination,
    Context,
    Delivery,
    DeliveryError,
    DeliveryKey,
    DestinationDownError,
    Effect,
    Outcomes,
)
from connectors.destinations.kafka.config import KafkaConfig, KafkaOptions
from connectors.destinations.kafka.errors import delivery_error
from schemas.attributes import encode_text
from schemas.binding import encode_key, event_attributes

_CLOSE_TIMEOUT_S = 4.0
_LARGEST = 100_000_000  # the topic decides
_AS_THE_BROKERS_HAVE_IT = -1


class _Record(NamedTuple):
    topic: str
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


class KafkaDestination(BatchDestination[KafkaConfig, KafkaOptions]):
    """Writes with an idempotent producer and waits until every in-sync replica has the records. What was in flight
    when a worker died may come again, with the same ``ce_hubdelivery``.
    """

    name = "kafka"
    config_model = KafkaConfig
    options_model = KafkaOptions
    effect = Effect.APPEND

    def __init__(self, config: KafkaConfig, context: Context) -> None:
        super().__init__(config, context)
        self._producer: AIOKafkaProducer | None = None

    async def open(self) -> None:
        await self.close()
        arguments = self._arguments()
        producer = AIOKafkaProducer(
            **arguments,
            acks="all",
            enable_idempotence=True,
            max_request_size=_LARGEST,
            request_timeout_ms=self._timeout,
        )
        if self.config.bootstrap_servers is None and self.context.kafka is not None:
            self.context.kafka.guard(producer.client)
        try:
            await producer.start()
            if self.config.create:
                await asyncio.to_thread(self._make_topics, arguments)
        except BaseException as error:
            await asyncio.sleep(0)  # aiokafka cannot stop what has not run at all yet
            await producer.stop()
            if isinstance(error, KafkaError | AnyKafkaError | OSError):  # a TimeoutError is an OSError
                raise DestinationDownError(f"cannot reach Kafka at {self._where()}: {error}") from error
            raise
        self._producer = producer

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError):
                self.log.warning("Kafka's producer did not stop in time", extra={"destination": self.context.name})

    async def deliver(self, batch: Batch[KafkaOptions]) -> Outcomes:
        outcomes: dict[DeliveryKey, DeliveryError | None] = {}
        records: dict[DeliveryKey, _Record] = {}
        for delivery in batch.deliveries:
            try:
                records[delivery.key] = self._record(delivery)
            except BadRecordError as error:
                outcomes[delivery.key] = error
        outcomes |= await self._send(records)
        if len(records) > 1:  # Kafka refuses what the producer put together as a whole: which one was it?
            for key in [key for key in records if isinstance(outcomes[key], BadRecordError)]:
                outcomes |= await self._send({key: records[key]})
        return outcomes

    async def _send(self, records: Mapping[DeliveryKey, _Record]) -> dict[DeliveryKey, DeliveryError | None]:
        """In this order, which the producer keeps within a partition."""
        if self._producer is None:
            raise DestinationDownError("Kafka is not open")
        outcomes: dict[DeliveryKey, DeliveryError | None] = {}
        sent: dict[DeliveryKey, asyncio.Future[Any]] = {}
        for key, record in records.items():
            try:
                sent[key] = await self._producer.send(record.topic, record.value, record.key, headers=record.headers)
            except (KafkaError, ValueError, OSError) as error:
                outcomes[key] = delivery_error(error, record.topic)
        answers = await asyncio.gather(*sent.values(), return_exceptions=True)
        for key, answer in zip(sent, answers, strict=True):
            failed = isinstance(answer, BaseException)
            outcomes[key] = delivery_error(answer, records[key].topic) if failed else None
        return outcomes

    def _record(self, delivery: Delivery[KafkaOptions]) -> _Record:
        """Raises BadRecordError."""
        topic = self._topic(delivery)
        return _Record(topic, self._key(delivery), delivery.sent.body, _headers(delivery))

    def _topic(self, delivery: Delivery[KafkaOptions]) -> str:
        name = (delivery.options.topic or self.config.topic).render(delivery.document)
        if name not in self.config.allowed:
            raise BadRecordError(f"topic {name[:250]!r} is not in `topics` of {self.context.name}")
        return name

    def _key(self, delivery: Delivery[KafkaOptions]) -> bytes:
        template = delivery.options.key or self.config.key
        return encode_key(delivery.event) if template is None else template.render(delivery.document).encode()

    def _make_topics(self, arguments: Mapping[str, Any]) -> None:
        """Those that are missing. Blocks."""
        with closing(KafkaAdminClient(**arguments, request_timeout_ms=self._timeout)) as admin:
            missing = sorted(self.config.allowed - set(admin.list_topics()))
            if not missing:
                return
            made = {
                "num_partitions": self.config.partitions,
                "replication_factor": self.config.replication or _AS_THE_BROKERS_HAVE_IT,
            }
            answers = admin.create_topics(dict.fromkeys(missing, made), raise_errors=False)["topics"]
            for answer in answers:
                if answer["error_code"] not in {0, TopicAlreadyExistsError.errno}:
                    raise DestinationDownError(f"cannot make topic {answer['name']}: {answer['error_message']}")
        self.log.info("topics made", extra={"topics": " ".join(missing)})

    @property
    def _timeout(self) -> int:
        return int(self.config.request_timeout.total_seconds() * 1000)

    def _arguments(self) -> dict[str, Any]:
        config = self.config
        if config.bootstrap_servers is None:
            return self._own()
        arguments: dict[str, Any] = {
            "bootstrap_servers": config.bootstrap_servers.split(","),
            "client_id": f"hub-{self.context.name}",
            "security_protocol": config.security_protocol,
        }
        if config.security_protocol.endswith("SSL"):
            try:
                arguments["ssl_context"] = create_ssl_context(
                    cafile=config.ca_file, certfile=config.cert_file, keyfile=config.key_file
                )
            except OSError as error:  # ssl.SSLError is one
                raise DestinationDownError(f"the certificate files cannot be used: {error}") from error
        if config.security_protocol.startswith("SASL_"):
            assert config.password is not None
            arguments["sasl_mechanism"] = config.sasl_mechanism
            arguments["sasl_plain_username"] = config.username
            arguments["sasl_plain_password"] = config.password.get_secret_value()
        return arguments

    def _own(self) -> dict[str, Any]:
        own = self.context.kafka
        if own is None:
            raise DestinationDownError("the hub's own Kafka is known in a worker only; name bootstrap_servers")
        if hub := sorted(name for name in self.config.allowed if name.startswith(own.reserved)):
            raise DestinationDownError(f"{', '.join(hub)}: topics that begin with {own.reserved} are the hub's own")
        return dict(own.arguments)

    def _where(self) -> str:
        return self.config.bootstrap_servers or "the hub's own address"


def _headers(delivery: Delivery[KafkaOptions]) -> list[tuple[str, bytes]]:
    """As on ``hub.events``, and the delivery's id."""
    identity = [("ce_hubdelivery", encode_text("delivery", delivery.key.id, 20_000))]
    if delivery.key.run:
        identity.append(("ce_hubrun", delivery.key.run.encode()))
    return [*event_attributes(delivery.sent), *identity]
