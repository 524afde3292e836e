"""The hub: verified webhooks in, a durable Kafka log in the middle, dependable effects out."""
