"""Queries over Redis and the subscriber's helper."""
