"""What Kafka's errors mean for a delivery."""

from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from connectors.api import BadRecordError, DeliveryError, DestinationDownError

_ADVICE: dict[type[BaseException], str] = {
    TopicAuthorizationFailedError: "; let the user write there",
    UnknownTopicOrPartitionError: "; make the topic, or let the hub do it with `create: true`",
}


def delivery_error(error: BaseException, topic: str) -> DeliveryError:
    """Nothing but its size is a record's own fault; aiokafka has tried again for as long as it was allowed to."""
    if isinstance(error, MessageSizeTooLargeError | RecordListTooLargeError):
        return BadRecordError(f"the record is larger than the topic {topic} takes (max.message.bytes)")
    said = str(error) or type(error).__name__
    if not isinstance(error, KafkaError):
        return DestinationDownError(f"Kafka does not take records: {said}")
    return DestinationDownError(f"topic {topic}: {said}{_ADVICE.get(type(error), '')}")
