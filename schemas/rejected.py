"""The record of `interactions.rejected`: what could not be counted, kept so that it can be sent again after a fix."""

from __future__ import annotations

import builtins
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from schemas.interaction import END, TimeMs

Stage = Literal["parse", "normalise", "schema", "count", "feed"]


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Original bytes with where and why they stopped.

    `stage`: parse (the body is not the platform's format), normalise (an item of it could not be read, or is a removal
    that names only an id which nobody knew), schema (the record breaks the schema), count (the worker refused it), feed
    (a line of a file). `reason`: a short fixed word.
    `bytes` is base64 in JSON. `source`: the connection or `topic[partition]@offset` it came from.
    `headers`: those that are needed to read it again (content type, event type, ce-*), never a signature or a token.
    """

    stage: Stage
    reason: Annotated[str, Meta(pattern=rf"^[a-z_]{{1,40}}{END}")]
    detail: Annotated[str, Meta(max_length=1000)] = ""
    time_ms: TimeMs
    source: Annotated[str, Meta(max_length=512)]
    platform: str | None = None
    bytes: builtins.bytes
    headers: dict[str, str] = {}


decode_rejected = msgspec.json.Decoder(Rejected).decode
encode_rejected = msgspec.json.Encoder().encode
