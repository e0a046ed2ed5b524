"""Faust on whole batches."""
