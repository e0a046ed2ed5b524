"""ActivityPub: activities that other servers post to the inbox of a brand's actor, signed with their actors' keys.

Owns who may say what: the key must be the actor's, and an actor speaks only for himself and for ids of his own server.
What an activity is to the brand: `activitypub_activities.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pipeline.errors import RefusedError, UnreadableError
from pipeline.sources import http_signatures
from pipeline.sources.activitypub_activities import is_erasure, read_activity, references_of
from pipeline.sources.activitypub_objects import Activity, address
from pipeline.sources.context import Context
from pipeline.sources.delivery import Connection, Delivery
from pipeline.sources.fields import decode_json, text
from pipeline.sources.outcomes import Ignored, Known
from pipeline.sources.source import Source
from pipeline.sources.times import from_http_date
from pipeline.sources.uris import origin, same_origin
from schemas.interaction import Interaction

#: Mastodon takes no larger documents either.
LONGEST_BODY = 1_000_000
#: It is read before it is verified: whose key is needed stands in it. A note that names a thousand people has 5,000.
MOST_VALUES = 20_000
#: A sender's clock that goes ahead by more says nothing about the time.
CLOCK_AHEAD_MS = 60_000


class ActivityPub(Source):
    """Reads what reaches the inbox of a brand's actor. Keys are public: a connection has no secret."""

    name = "activitypub"
    tells_erasures = True
    schemes = ("http-signature",)
    needs_secret = False

    def check_accounts(self, accounts: frozenset[str]) -> str | None:
        if accounts and all((origin(account) or "").startswith("https://") for account in accounts):
            return None
        return "addresses of the brand's actors such as 'https://mastodon.example/users/brand'"

    def wanted_key(self, delivery: Delivery, connection: Connection, now_s: float) -> str | None:
        signature, activity = self._claimed(delivery, now_s)
        actor = activity.actor
        if not same_origin(signature.key_id, actor):
            raise RefusedError("foreign_key")
        if actor in connection.public_keys:
            return None
        if not connection.fetch_keys:
            raise RefusedError("unknown_key")
        return signature.key_id

    def verify(self, delivery: Delivery, connection: Connection, now_s: float) -> None:
        """Accept an activity that is signed with the key of its own actor, or raise RefusedError.

        An actor who is gone has no key any more: that his own server says so is proof enough for his last activity.
        """
        signature, activity = self._claimed(delivery, now_s)
        public_key = connection.public_keys.get(activity.actor)
        if public_key is None:
            raise RefusedError("foreign_key")
        if public_key:
            http_signatures.check(signature, public_key)
        elif not is_erasure(activity):
            raise RefusedError("actor_gone")

    def parse(self, delivery: Delivery) -> Activity:
        body = decode_json(delivery.body, MOST_VALUES)
        actor = address(body.get("actor")) if isinstance(body, dict) else None
        if actor is None:
            raise UnreadableError("not_an_envelope", "expected an activity with an `actor`")
        # A time of sending lies before its receipt; a clock that disagrees is of no use.
        sent_ms = from_http_date(delivery.headers.get("date"))
        usable = sent_ms is not None and sent_ms <= delivery.received_ms + CLOCK_AHEAD_MS
        return Activity(body, actor, sent_ms if usable else None)

    def references(self, parsed: Activity) -> Iterable[str]:
        return {uri for uri in references_of(parsed.body) if uri is not None}

    def items(self, parsed: Activity) -> Iterator[Activity]:
        yield parsed

    def read(self, item: Activity, context: Context) -> Interaction | Ignored:
        return read_activity(item, context)

    def wrap(self, item: Activity) -> Any:
        return item.body

    def memories(self, item: Activity, outcome: Interaction | Ignored) -> Iterable[tuple[str, Known]]:
        """Notes under their own address, likes and shares under the activity's: a removal may name nothing else."""
        if isinstance(outcome, Ignored) or outcome.action == "remove":
            return ()
        assert outcome.post is not None
        remembered, other = outcome.id, None
        if outcome.kind == "like":
            remembered, other = text(item.body, "id") or "", outcome.id
        if not same_origin(remembered, item.actor):  # nobody writes over what another server's actors did
            return ()
        return ((remembered, Known(outcome.account, outcome.post, outcome.kind, outcome.actor, other)),)

    def _claimed(self, delivery: Delivery, now_s: float) -> tuple[http_signatures.Signature, Activity]:
        """The signature, and the activity whose actor is said to have made it. Raises RefusedError."""
        if len(delivery.body) > LONGEST_BODY:
            raise RefusedError("body_too_large")
        signature = http_signatures.read(delivery, now_s)
        try:
            return signature, self.parse(delivery)
        except UnreadableError as error:
            raise RefusedError("no_actor") from error
