"""Who wrote to us, as the directory remembers it: so that the end of an account means something only where it does.

Bluesky's stream and ActivityPub's servers tell of every account of the network that is deleted; of those who never
wrote a comment there is no text to erase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.sources.outcomes import Counted, Known, Outcome


def writer(actor: str) -> str:
    """Under what the directory remembers that this actor (a pseudonym) wrote something; no platform's id begins so."""
    return f"actor/{actor}"


def writers(outcomes: Iterable[Outcome]) -> Iterator[tuple[str, Known]]:
    """Who wrote the comments among the outcomes."""
    for outcome in outcomes:
        if isinstance(outcome, Counted):
            one = outcome.interaction
            if one.kind == "comment" and one.actor is not None and one.post is not None and not one.own:
                yield writer(one.actor), Known(one.account, one.post, one.kind, one.actor)
