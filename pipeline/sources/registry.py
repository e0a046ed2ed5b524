"""Every platform. Adding one: its file in this folder, and its line here."""

from __future__ import annotations

from pipeline.sources.activitypub import ActivityPub
from pipeline.sources.bluesky import Bluesky
from pipeline.sources.cloudevents import CloudEvents
from pipeline.sources.discourse import Discourse
from pipeline.sources.facebook import Facebook
from pipeline.sources.gitlab import GitLab
from pipeline.sources.instagram import Instagram
from pipeline.sources.linkedin import LinkedIn
from pipeline.sources.mastodon import Mastodon
from pipeline.sources.source import Source
from pipeline.sources.standardwebhooks import StandardWebhooks
from pipeline.sources.telegram import Telegram
from pipeline.sources.threads import Threads
from pipeline.sources.tiktok import TikTok
from pipeline.sources.wordpress import WordPress
from pipeline.sources.x import X
from pipeline.sources.youtube import YouTube

SOURCES: dict[str, Source] = {
    "facebook": Facebook(),
    "instagram": Instagram(),
    "threads": Threads(),
    "x": X(),
    "linkedin": LinkedIn(),
    "tiktok": TikTok(),
    "discourse": Discourse(),
    "telegram": Telegram(),
    "gitlab": GitLab(),
    "bluesky": Bluesky(),
    "mastodon": Mastodon(),
    "activitypub": ActivityPub(),
    "youtube": YouTube(),
    "wordpress": WordPress(),
    "standardwebhooks": StandardWebhooks(),
    "cloudevents": CloudEvents(),
}
