"""Every exception of ours: what a caller must decide about.

Messages name thing, value and expectation, never a secret.
"""

from __future__ import annotations


class TwowayError(Exception):
    """The root: catch it to catch all of ours."""


class SettingsError(TwowayError):
    """Raised when a setting or a file of settings is missing, unknown or out of its range."""


class UnsetError(SettingsError):
    """Raised when a setting is missing that has no default: a local stack brings one of its own."""


class TopicsError(TwowayError):
    """Raised when a topic on the brokers is missing or not as `schemas/topics.py` declares it."""


class StateError(TwowayError):
    """Raised when what Redis or Kafka hold cannot be counted upon (layout version, lost offsets, evicting Redis)."""


class FencedError(TwowayError):
    """Raised when Redis holds another mark than the writer believes in: nothing was written; read it anew, go back."""


class UnavailableError(TwowayError):
    """Raised when Kafka or Redis does not answer in time; the same call may succeed later."""


class TooLargeError(UnavailableError):
    """Raised when Kafka will never take a record because of its size."""


class NotFoundError(TwowayError):
    """Raised when an account or a post is asked for of which nothing was ever counted."""


class ForbiddenError(TwowayError):
    """Raised when somebody asks for an account, or for the program itself, beyond what his token may read."""


class QueryError(TwowayError):
    """Raised when a question cannot be answered as it is asked: an unknown sort or window, a limit out of range."""


class UnreadableError(TwowayError):
    """Raised when a delivery cannot be read in its platform's format. `reason` is a short fixed word."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class RefusedError(TwowayError):
    """Raised when a signature, a token or a handshake is refused. `reason` is a short fixed word, safe to log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class LostError(TwowayError):
    """Raised when a stream breaks or cannot be opened. `cause` is a short fixed word; the same call may succeed later,
    after `wait_s` at the earliest."""

    def __init__(self, cause: str, detail: str, wait_s: float = 0.0) -> None:
        super().__init__(detail)
        self.cause = cause
        self.wait_s = wait_s


class LocalStackError(TwowayError):
    """Raised when the local Kafka or Redis cannot be fetched, started or is already running on the same data."""
