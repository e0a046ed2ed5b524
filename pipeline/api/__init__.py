"""HTTP over reading."""
