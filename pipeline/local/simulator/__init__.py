"""Platforms that behave as the real ones: a world of brands and their audience, and the webhooks that tell of it.

`brands` say what they are like, `talk` what is said, `street` lets things happen at one brand's account and `world` at
all of them, `truth` keeps what stands. `meta`, `x` and `neutral` write it as the platforms do, `deliveries` batches,
repeats, delays and reorders, `polls` asks for what no webhook tells, `sender` posts to the gateway. All but the sender
is pure: a seed and the time that is handed in decide everything.
"""
