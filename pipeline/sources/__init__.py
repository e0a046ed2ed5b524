"""One file a platform: how its deliveries are verified and what they mean. `registry.py` lists them."""
