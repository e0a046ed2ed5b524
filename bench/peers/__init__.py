"""The same counting job as others would write it, to measure against."""
