"""The local stack: Kafka, Redis, supervision, the demo."""
