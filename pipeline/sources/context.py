"""What reading a delivery may use, and how its meaning becomes a record: every actor is replaced here, nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.errors import UnreadableError
from pipeline.sources.delivery import Connection
from pipeline.sources.fields import check_whole
from pipeline.sources.outcomes import Ignored, Known
from schemas.interaction import LONGEST_TEXT, Action, Interaction, Kind, Media, TimeFrom, missing_totals

LONGEST_REACTION = 256
LONGEST_URL = 2048

#: (platform, actor) -> what stands for the actor in records. The command line's gives the actor itself.
Pseudonym = Callable[[str, str], str]


class Context:
    """What reading a delivery may use: its connection, the receiver's clock, pseudonyms and the directory.

    `memories` collects what this delivery adds to the directory; later items of the same delivery see it at once.
    While the key of the pseudonyms is being rotated (`former`), `superseded` collects the removals that go with likes:
    under the former key the same like has another id, and must not stand beside the new one. `aliases` are the former
    pseudonyms that were met, by the new.
    """

    __slots__ = (
        "_former", "_known", "_pseudonym", "aliases", "connection", "memories", "received_ms", "superseded",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        received_ms: int,
        pseudonym: Pseudonym,
        known: Mapping[str, Known],
        former: Pseudonym | None = None,
    ) -> None:
        self.connection = connection
        self.received_ms = received_ms
        self.memories: dict[str, Known] = {}
        self.superseded: list[Interaction] = []
        self.aliases: dict[str, str] = {}
        self._pseudonym = pseudonym
        self._former = former
        self._known = known

    def look_up(self, object_id: str | None) -> Known | None:
        """What is known of an id."""
        if object_id is None:
            return None
        return self.memories.get(object_id) or self._known.get(object_id)

    def pseudonym(self, platform: str, actor: str) -> str:
        """What stands for the actor in records. Raises UnreadableError for one of which a part was lost."""
        check_whole(actor)
        shown = self._pseudonym(platform, actor)
        if self._former is not None:
            self.aliases[shown] = self._former(platform, actor)
        return shown

    def clock(self, *times: tuple[int | None, TimeFrom]) -> tuple[int, TimeFrom]:
        """The first usable time with whose clock it is; the receiver's where there is none."""
        for time_ms, time_from in times:
            if time_ms is not None:
                return time_ms, time_from
        return self.received_ms, "received"

    def counted(
        self,
        platform: str,
        account: str,
        kind: Kind,
        action: Action,
        *,
        post: str,
        time: tuple[int, TimeFrom],
        object_id: str | None = None,
        actor: str | None = None,
        own: bool = False,
        parent: str | None = None,
        text: str | None = None,
        reaction: str | None = None,
        url: str | None = None,
        media: Media | None = None,
        questions: bool = True,
    ) -> Interaction:
        """An interaction, its actor replaced by the pseudonym, also in the id `<post>/<actor>` of a like.

        `own` is found from `actor` besides. A text over the limit is cut, an address over the limit left out: neither
        is worth a lost count. `questions` False: the delivery itself says that the post is not to be labelled. Raises
        UnreadableError for an id of which a part was lost.
        """
        check_whole(account, post, object_id, parent)
        own = own or self.connection.is_brand(account, actor)
        shown = None if actor is None else self.pseudonym(platform, actor)
        if kind == "like" and shown is not None:
            object_id = f"{post}/{shown}"
        if object_id is None:
            if kind != "post":
                raise UnreadableError("missing_field", f"expected an id of the {kind}")
            object_id = post
        if kind == "like" and shown in self.aliases:
            self._supersede(platform, account, post, self.aliases[shown], own=own, time=time)
        return Interaction(
            platform=platform,
            account=account,
            kind=kind,
            action=action,
            post=post,
            id=object_id,
            actor=shown,
            own=own,
            parent=parent,
            time_ms=time[0],
            time_from=time[1],
            text=text[:LONGEST_TEXT] if text else None,
            reaction=reaction[:LONGEST_REACTION] if reaction else None,
            url=url if url and len(url) <= LONGEST_URL else None,
            media=media if kind == "post" else None,
            questions=(questions and self.connection.questions) or kind != "post",
        )

    def removed(
        self,
        platform: str,
        object_id: str | None,
        time: tuple[int, TimeFrom],
        *,
        actor: str | None = None,
        own: bool = False,
    ) -> Interaction | Ignored:
        """A removal that carries nothing but an id: the directory knows what it was, and whose post it belonged to."""
        known = self.look_up(object_id)
        if known is None or object_id is None:
            return Ignored("unresolvable_removal")
        if not self.connection.serves(known.account):
            return Ignored("not_ours")
        if known.is_elsewhere(object_id):
            return Ignored("outbound")
        return self.counted(
            platform,
            known.account,
            known.kind,
            "remove",
            post=known.post,
            object_id=known.id or object_id,
            actor=actor,
            own=own or known.kind == "post",
            time=time,
        )

    def _supersede(
        self, platform: str, account: str, post: str, former: str, *, own: bool, time: tuple[int, TimeFrom]
    ) -> None:
        """At the same time a remove is greater than an add: whatever stood under the former id stands no more."""
        self.superseded.append(
            Interaction(
                platform=platform,
                account=account,
                kind="like",
                action="remove",
                post=post,
                id=f"{post}/{former}",
                actor=former,
                own=own,
                time_ms=time[0],
                time_from=time[1],
            )
        )

    def totals(
        self,
        platform: str,
        account: str,
        *,
        post: str | None,
        time: tuple[int, TimeFrom],
        likes: int | None = None,
        comments: int | None = None,
        shares: int | None = None,
        followers: int | None = None,
    ) -> Interaction:
        """Absolute numbers of a post, or without one of the account. Raises UnreadableError where none counts."""
        if missing := missing_totals(post, likes, comments, shares, followers):
            raise UnreadableError("missing_field", missing)
        check_whole(account, post)
        return Interaction(
            platform=platform,
            account=account,
            kind="totals",
            action="add",
            post=post,
            id=post or account,
            time_ms=time[0],
            time_from=time[1],
            likes=likes,
            comments=comments,
            shares=shares,
            followers=followers,
        )

    def only_account(self) -> str:
        """The connection's account. Raises UnreadableError where it does not name exactly one."""
        account = self.connection.account
        if account is None:
            raise UnreadableError("missing_account", "expected the connection to name exactly one account")
        return account
