"""What a slice says about people: waiting comments, their texts, and who was engaged; as parts of a slot's change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipeline.counting.comments import CommentChange
from pipeline.counting.live import LivePage
from pipeline.settings import Settings
from pipeline.store.engaged import Sets
from pipeline.store.keys import Keys
from pipeline.store.texts import DAY_MS, day_of, encode_text, member_of, text_of
from pipeline.windows import ALL_NAME

if TYPE_CHECKING:
    from pipeline.store.script import SlotChange

DAY_S = 86_400


class Talk:
    """Adds to the changes of slots. `page_ttl_s`: how long a page outlives its last change."""

    def __init__(self, keys: Keys, settings: Settings, page_ttl_s: int) -> None:
        self.keys = keys
        self.page_ttl_s = page_ttl_s
        #: The last text of a day may be written when the day ends.
        self.text_ttl_s = (settings.text_ttl_days + 1) * DAY_S
        self.windows = settings.engaged_windows

    def add_comments(self, change: SlotChange, account: LivePage, comments: Sequence[CommentChange]) -> None:
        """The comments of one account: who waits, who does not, and what they said."""
        queue = self.keys.unanswered(account.slot, account.platform, account.id)
        texts = _Texts(self, change, account)
        for one in comments:
            member = member_of(one.mark, one.post.encoded_id)
            if one.waits_ms is None:
                change.unscores[queue].append(member)
            else:
                change.scores[queue] += (str(one.waits_ms), member)
            texts.add(one)
        if queue in change.scores:
            # What waits longer than a text is kept leaves the queue.
            change.renew(queue, max(0, account.last_ms - self.text_ttl_s * 1000))

    def add_engaged(self, change: SlotChange, post: LivePage, key: str, engaged: Mapping[int, bytes]) -> None:
        """Who was engaged with a post: for the post's set (`key`), and its account's of all time and each window."""
        for number, actors in engaged.items():
            # Its lifetime follows the page's: from the first actor on, and again whenever the page's is renewed.
            ttl_s, post.engaged_renewed = 0 if post.engaged_renewed else self.page_ttl_s, True
            change.engaged.posts.append((key, ttl_s, actors))
            if number != post.engaged_in[0]:
                post.engaged_in = (number, self._of_account(change, post, number))
            change.engaged.by_account.setdefault(post.engaged_in[1], []).append(actors)

    def _of_account(self, change: SlotChange, post: LivePage, number: int) -> Sets:
        """The sets of the post's account that a window's actors belong to; one look-up for all posts of a slice."""
        place, known = (post.platform, post.account, number), change.engaged.of_account
        sets = known.get(place)
        if sets is None:
            windows, keys = self.windows, self.keys
            codes = windows.codes(number * windows.finest_ms)[:-1]
            names = [(ALL_NAME, self.page_ttl_s)]
            names += [
                (windows.fields[code], (size.kept_ms + size.length_ms) // 1000)
                for code, size in zip(codes, windows.sizes, strict=True)
            ]
            owner = (post.slot, post.platform, post.account)
            sets = known[place] = tuple(part for name, ttl_s in names for part in (keys.engaged(*owner, name), ttl_s))
        return sets


class _Texts:
    """The texts of one account's comments in a slice; keys are made once a day of the comments."""

    def __init__(self, talk: Talk, change: SlotChange, account: LivePage) -> None:
        self.change = change
        self.account = account
        self.keys = talk.keys
        self.ttl_s = talk.text_ttl_s
        #: Number of the day -> its key, and what is written of it.
        self.days: dict[int, tuple[str, list[Any]]] = {}

    def add(self, one: CommentChange) -> None:
        """Keep the newest of what was ever said, where the comment stands now; or forget it."""
        time_ms, former_ms = one.time_ms, one.former_ms
        if time_ms is None:
            if former_ms is not None:
                self.change.removals[self._key(former_ms)].append(one.mark)
            return
        day = self.days.get(time_ms // DAY_MS)
        if day is None:
            key = self._key(time_ms)
            day = self.days[time_ms // DAY_MS] = key, self.change.texts.setdefault(key, [self.ttl_s])
        key, texts = day
        if former_ms is not None:
            # An edit that came before its comment, say, and stood in for it.
            self.change.moves += (self._key(former_ms), key, one.mark, str(time_ms))
        for said in one.said:
            if said.action != "remove" and said.kind == "comment":
                texts += (one.mark, text_of(encode_text(said, time_ms)), f"{said.platform}:{said.actor}")

    def _key(self, time_ms: int) -> str:
        account = self.account
        return self.keys.texts(account.slot, account.platform, account.id, day_of(time_ms))
