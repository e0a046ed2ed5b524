"""The engagement table of one partition: takes batches, writes slices, publishes rows."""
