"""A small world for the simulation: workers of the production code, a Kafka of lists, a real Redis, and time on demand.

Everything in it happens in one order that the schedule decides: a call to the outside is made at once or, where the
schedule says so, fails, is cut off in the middle, or stands still until it is let go.
"""
