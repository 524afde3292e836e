"""The Kafka log: topics, records, the group-commit writer, admin, the embedded broker."""
