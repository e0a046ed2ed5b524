"""Pure counting: sets, rows, pages. No Redis, no Kafka, no clock."""
