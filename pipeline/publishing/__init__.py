"""Aggregate records and the closing of windows."""
