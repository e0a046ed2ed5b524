"""`twoway prove`: a stack of its own under load, faults on a schedule, and a proof at the end."""
