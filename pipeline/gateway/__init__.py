"""From a webhook to Kafka's acknowledgement."""
