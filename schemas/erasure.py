"""The record of `interactions.erased`: an actor whose texts are to go, and are not to be kept any more."""

from __future__ import annotations

import msgspec

from schemas.interaction import Id, Platform, TimeMs


class Erasure(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An actor as interactions name it (the gateway's pseudonym), and when the erasure was asked for."""

    platform: Platform
    actor: Id
    time_ms: TimeMs

    @property
    def key(self) -> str:
        """The record key in Kafka, `platform:actor`: of several for one actor the newest is enough."""
        return f"{self.platform}:{self.actor}"


decode_erasure = msgspec.json.Decoder(Erasure).decode
encode_erasure = msgspec.json.Encoder().encode
