"""WordPress.com webhooks: a form with the fields that the site's admin ticked, and `hook`, which says what happened.

Nothing is signed: the secret is the last part of the address. Numbers are unique only within a site, so ids carry it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes, urlencode

from pipeline.errors import UnreadableError
from pipeline.settings import Secret
from pipeline.sources.context import Context
from pipeline.sources.delivery import Delivery
from pipeline.sources.fields import BROKEN, need, text
from pipeline.sources.markup import plain_text, shown_in
from pipeline.sources.outcomes import Ignored
from pipeline.sources.source import Source
from pipeline.sources.times import from_iso
from schemas.interaction import Interaction

#: WordPress.com offers some dozens.
MOST_FIELDS = 500
#: Letters that are taken out of their escapes at once: of a large form all of them would hold up other threads.
PIECE = 65_536
#: Of such letters in an address nothing is escaped on its way.
_SECRET = re.compile(r"^[A-Za-z0-9._~-]{16,256}$")
#: A comment that nobody sees.
HIDDEN = frozenset({"spam", "trash"})
#: A link from another site, which WordPress files as a comment.
LINKS = frozenset({"pingback", "trackback"})

Form = Mapping[str, str]


class WordPress(Source):
    """Reads posts and comments of a site on WordPress.com."""

    name = "wordpress"
    schemes = ("path",)
    takes_tail = True

    def check_secret(self, secret: Secret) -> str | None:
        return None if _SECRET.match(secret.reveal()) else "16 or more letters, digits, '.', '_', '~' or '-'"

    def check_accounts(self, accounts: frozenset[str]) -> str | None:
        return None if len(accounts) == 1 else "exactly one, the site's name: the delivery does not tell it"

    def parse(self, delivery: Delivery) -> Form:
        try:
            fields = delivery.body.decode().split("&", MOST_FIELDS)
        except UnicodeDecodeError as error:
            raise UnreadableError("not_a_form", "expected a form in UTF-8") from error
        if len(fields) > MOST_FIELDS:
            raise UnreadableError("not_a_form", f"expected a form of at most {MOST_FIELDS} fields")
        form: dict[str, str] = {}
        for field in filter(None, fields):
            name, _, value = field.partition("=")
            form.setdefault(_unquoted(name), _unquoted(value))
        if not form.get("hook"):
            raise UnreadableError("not_an_envelope", "expected a form with `hook`")
        return form

    def items(self, parsed: Form) -> Iterator[Form]:
        yield parsed

    def read(self, item: Form, context: Context) -> Interaction | Ignored:
        reader = READERS.get(item["hook"])
        return Ignored("unsupported_item") if reader is None else reader(item, context.only_account(), context)

    def wrap(self, item: Form) -> Any:
        return urlencode(item).encode()


def _unquoted(written: str) -> str:
    """Without its escapes, piece by piece: none ends within an escape."""
    written, pieces, at = written.replace("+", " "), list[bytes](), 0
    while at < len(written):
        end = at + PIECE
        cut = written.rfind("%", end - 2, end)
        end = end if cut < 0 else cut
        pieces.append(unquote_to_bytes(written[at:end]))
        at = end
    return b"".join(pieces).decode(errors="replace")


def _comment(form: Form, account: str, context: Context) -> Interaction | Ignored:
    if form.get("comment_approved") in HIDDEN:
        return Ignored("moderation")
    if form.get("comment_type") in LINKS:
        return Ignored("mention")
    post = _address(account, need(form, "comment_post_ID"))
    answered = text(form, "comment_parent")
    return context.counted(
        "wordpress",
        account,
        "comment",
        "add",
        post=post,
        object_id=f"{post}#comment-{need(form, 'comment_ID')}",
        actor=_author(form),
        parent=f"{post}#comment-{answered}" if answered not in {None, "0"} else None,
        # comment_date is local time without a zone: only its twin in UTC says when.
        time=context.clock((from_iso(form.get("comment_date_gmt")), "platform")),
        text=plain_text(form.get("comment_content")),
    )


def _post(form: Form, account: str, context: Context) -> Interaction | Ignored:
    """Also sent when a published post is edited, and nothing tells: always an add, which counts once."""
    content = form.get("post_content")
    words = [plain_text(form.get("post_title")), plain_text(content or form.get("post_excerpt"))]
    return context.counted(
        "wordpress",
        account,
        "post",
        "add",
        post=_address(account, need(form, "ID")),
        actor=text(form, "post_author"),
        own=True,
        time=context.clock((from_iso(form.get("post_date_gmt")), "platform")),
        text="\n".join(word for word in words if word),
        url=text(form, "post_url") or text(form, "guid"),
        media=shown_in(content),
    )


def _address(account: str, number: str) -> str:
    """WordPress' own short link."""
    return f"{account}/?p={number}"


def _author(form: Form) -> str | None:
    """The user's id; a guest's address or name, marked as such: a guest called `1` is not the user 1.

    A name that was cut within a letter is nobody's: the comment counts all the same.
    """
    user = text(form, "user_id")
    if user not in {None, "0"}:
        return user
    address, name = text(form, "comment_author_email"), text(form, "comment_author")
    if address is not None:
        return f"email:{address.strip().lower()}"
    return None if name is None or BROKEN in name else f"name:{name}"


READERS: dict[str, Callable[[Form, str, Context], Interaction | Ignored]] = {
    "comment_post": _comment,
    "publish_post": _post,
    "publish_page": _post,
}
