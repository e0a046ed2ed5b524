"""Measurements against real servers; none of it is installed with the package."""
