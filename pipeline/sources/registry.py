"""Every platform. Adding one: its file in this folder, and its line here."""

from __future__ import annotations

from pipeline.sources.cloudevents import CloudEvents
from pipeline.sources.facebook import Facebook
from pipeline.sources.instagram import Instagram
from pipeline.sources.source import Source
from pipeline.sources.standardwebhooks import StandardWebhooks
from pipeline.sources.x import X

SOURCES: dict[str, Source] = {
    "facebook": Facebook(),
    "instagram": Instagram(),
    "x": X(),
    "standardwebhooks": StandardWebhooks(),
    "cloudevents": CloudEvents(),
}
