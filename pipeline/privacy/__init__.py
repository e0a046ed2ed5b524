"""Privacy: erasing what an actor said, everywhere and for good."""
