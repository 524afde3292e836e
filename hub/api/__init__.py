"""The hub over HTTP, for programs that read no Kafka: events, what became of them, and waiting for them."""
