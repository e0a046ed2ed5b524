"""What happens on a network around a brand: frames made from those of the corpus, and what of them must count."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.settings import Secret
from tests.conftest import ACTOR_KEY
from tests.contract.corpus import PAYLOADS

BRAND = "did:plc:brandexample222222222222"
POST = f"at://{BRAND}/app.bsky.feed.post/3mmoodizfwc2j"
#: Fifty frames a second.
STEP_US = 20_000

#: (id, kind, action) of an interaction in the topic.
Told = tuple[str, str, str]


@dataclass
class Network:
    """Frames in order of time, and what those about the brand must become."""

    began_us: int
    frames: list[dict[str, Any]] = field(default_factory=list)
    expected: set[Told] = field(default_factory=set)

    def add(self, template: str, did: str, rkey: str, about: str | None = None) -> None:
        """One more frame; `about`: whose post it is about instead of the brand's."""
        text = (PAYLOADS / f"bluesky-{template}.json").read_text()
        frame = json.loads(text.replace(BRAND, about) if about else text)
        frame |= {"did": did, "time_us": self.began_us + len(self.frames) * STEP_US}
        frame["commit"]["rkey"] = rkey
        self.frames.append(frame)
        if about is None:
            self.expected.add(told(frame))


def told(frame: dict[str, Any]) -> Told:
    """What a frame about the brand's post is in the topic."""
    commit = frame["commit"]
    kind = {"like": "like", "repost": "share", "post": "comment"}[commit["collection"].rpartition(".")[2]]
    uri = f"at://{frame['did']}/{commit['collection']}/{commit['rkey']}"
    like = f"{POST}/{keyed_pseudonym(Secret(ACTOR_KEY))('bluesky', frame['did'])}"
    return like if kind == "like" else uri, kind, {"create": "add", "delete": "remove"}[commit["operation"]]


def network(began_us: int, frames: int, seed: int = 1) -> Network:
    """So many frames, one of ten about the brand: likes, reposts and replies, some of the likes taken back; of the
    others many are removals too."""
    made, chance = Network(began_us), random.Random(seed)
    liked: list[tuple[str, str]] = []
    for number in range(frames):
        did, rkey = f"did:plc:fan{number:021d}", f"r{number}"
        if number % 10 == 0:
            template = chance.choice(["like-create", "like-create", "repost-create", "reply-create"])
            made.add(template, did, rkey)
            liked += [(did, rkey)] if template == "like-create" else []
        elif number % 10 == 5 and liked:
            made.add("like-delete", *liked.pop(chance.randrange(len(liked))))
        else:
            template = chance.choice(["like-create", "like-create", "like-delete", "repost-create", "reply-create"])
            made.add(template, did, rkey, about="did:plc:somebodyelse222222222222")
    return made


def notification(number: int, time: str, kind: str = "favourite") -> dict[str, Any]:
    """Notification `number` of the brand on Mastodon, each by another actor."""
    frame = json.loads((PAYLOADS / "mastodon-streaming-notification-favourite.json").read_text())
    made: dict[str, Any] = json.loads(frame["payload"])
    made |= {"id": str(34_000_000 + number), "type": kind, "created_at": time}
    made["account"] |= {"id": str(500_000 + number)}
    return made
