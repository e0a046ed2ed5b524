"""Listening to streams: frames that nobody sends to us are fetched here, and go the gateway's way into Kafka."""
