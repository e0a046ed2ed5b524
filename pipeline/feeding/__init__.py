"""Interactions from files into the topic, and rejected records once more."""
