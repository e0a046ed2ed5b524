"""Who may do what: encrypted, proven ways to Kafka and Redis, and the API's tokens with what each may read."""
