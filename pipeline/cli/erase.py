"""`twoway erase`: what an actor said goes from Redis, and from the topic that others subscribe to."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from pipeline.access.redis import redis_away
from pipeline.cli.progress import reading_bar
from pipeline.clock import wall_clock
from pipeline.errors import QueryError, UnavailableError
from pipeline.gateway.pseudonyms import keyed_pseudonym
from pipeline.logs import printable
from pipeline.privacy.erase import Erased
from pipeline.privacy.follow import REDIS_FAILURES, ask, open_eraser
from pipeline.privacy.told import Progress
from pipeline.settings import Settings
from pipeline.store.connect import connect_redis
from schemas.erasure import Erasure
from schemas.topics import UNANSWERED


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("erase")(erase)


def erase(
    platform: Annotated[str, typer.Argument(help="The actor's platform, such as facebook.")],
    actor: Annotated[
        str | None, typer.Option("--actor", help="The actor's id on the platform; needs TWOWAY_ACTOR_KEY.")
    ] = None,
    pseudonym: Annotated[
        str | None, typer.Option("--pseudonym", help="Or: the actor as records name it, where no key was used.")
    ] = None,
) -> None:
    """Erase the texts of an actor in Redis and for subscribers, now and whenever they come again. Counts stay."""
    settings = Settings.from_env()
    if (actor is None) == (pseudonym is None):
        raise QueryError("erase needs one of --actor and --pseudonym; expected exactly one of them")
    names = [pseudonym] if pseudonym is not None else _pseudonyms(settings, platform, actor or "")
    erasures = [Erasure(platform=platform, actor=name, time_ms=wall_clock()) for name in names if name]
    with reading_bar() as bar:
        task = bar.add_task(f"reading {UNANSWERED.name}", total=None)
        erased = asyncio.run(
            _erase(settings, erasures, lambda read, total: bar.update(task, completed=read, total=total))
        )
    sys.stdout.write(
        f"texts erased {erased.texts:,} in Redis and {erased.told:,} in Kafka alone, "
        f"of these waiting for a reply {erased.waiting:,}, names kept out from now on {len(erasures)}\n"
    )
    if not erased.texts + erased.told:
        sys.stderr.write(f"no text of this actor was found on {printable(platform)}; expected {_expected(actor)}\n")


def _expected(actor: str | None) -> str:
    if actor is None:
        return (
            "the actor as records name it (gateway and `twoway feed`: 32 hex digits), or --actor with the platform's id"
        )
    return "the id that the platform or the fed file has for the actor, and the key under which it came"


def _pseudonyms(settings: Settings, platform: str, actor: str) -> list[str]:
    """Under the key in force and, while it is rotated, under the one before."""
    keys = [settings.actor_key, *([settings.actor_key_former] if settings.actor_key_former else [])]
    return [keyed_pseudonym(key)(platform, actor) for key in keys]


async def _erase(settings: Settings, erasures: list[Erasure], progress: Progress) -> Erased:
    """Written down first: what fails after that is done by the workers."""
    redis = connect_redis(settings, timeout_s=60, retries=True)
    try:
        await ask(settings, erasures)
        async with open_eraser(settings, redis, progress) as eraser:
            return await eraser.erase(erasures)
    except REDIS_FAILURES as error:
        raise UnavailableError(f"{redis_away(redis, error)}; workers erase it later") from error
    finally:
        await redis.aclose()
