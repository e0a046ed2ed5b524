"""Platforms that behave as the real ones: a world of brands and their audience, and the webhooks that tell of it.

`brands` say what they are like, `world` lets things happen, `meta` and `x` write them as the platforms do, `deliveries`
batches, repeats, delays and reorders, `sender` posts to the gateway. All but the sender is pure: a seed and the time
that is handed in decide everything.
"""
