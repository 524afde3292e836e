"""Kafka topics as destinations: queues with ordinary consumer groups."""

from connectors.destinations.kafka.config import KafkaConfig, KafkaOptions
from connectors.destinations.kafka.destination import KafkaDestination

__all__ = ["KafkaConfig", "KafkaDestination", "KafkaOptions"]
