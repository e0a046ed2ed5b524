"""One file a platform: verify, handshake, normalise; the registry lists them."""
