"""Which interactions make up a number, and why others do not. Reads Kafka and Redis, changes nothing."""
