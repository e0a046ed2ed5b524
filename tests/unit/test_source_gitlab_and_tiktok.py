"""GitLab and TikTok beyond the corpus: emoji given and taken back, notes and their threads, events without a post."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.reading import Reader

PROJECT = {"id": 6, "web_url": "https://git.example/lab/group/app", "path_with_namespace": "group/app"}
ACCOUNT = "https://git.example/lab/projects/6"
GIVEN_MS = 1_688_503_451_000


def emoji(action: str = "award", kind: str = "Issue", **changes: Any) -> dict[str, Any]:
    award = {"user_id": 1, "created_at": "2023-07-04 20:44:11 UTC", "id": 1, "name": "tada", "awardable_type": kind}
    value = {"object_kind": "emoji", "event_type": action, "project": PROJECT, "issue": {"iid": 42}}
    return {**value, "merge_request": {"iid": 3}, "object_attributes": {**award, "action": action}, **changes}


def note(number: int, thread: str = "t", **changes: Any) -> dict[str, Any]:
    attributes = {"id": number, "note": "words", "noteable_type": "Issue", "author_id": 2, "discussion_id": thread}
    attributes |= {"created_at": "2023-07-04 20:44:11 UTC", "updated_at": "2023-07-04T20:45:11Z", **changes}
    return {"object_kind": "note", "project": PROJECT, "issue": {"iid": 42}, "object_attributes": attributes}


@pytest.mark.parametrize(("kind", "post"), [("Issue", "issues/42"), ("MergeRequest", "merge_requests/3")])
def test_an_emoji_on_an_issue_or_merge_request_is_a_like(kind: str, post: str) -> None:
    """A GitLab may live below a folder of its host."""
    like = Reader("gitlab", ACCOUNT).one(emoji(kind=kind))
    assert (like.kind, like.account, like.post, like.id) == ("like", ACCOUNT, f"{ACCOUNT}/{post}", f"{like.post}/1")
    assert (like.reaction, like.time_ms) == ("tada", GIVEN_MS)


def test_a_revoked_emoji_takes_back_the_one_that_was_given() -> None:
    """At the time at which it was given: one that was given later stands."""
    removed = Reader("gitlab").one(emoji("revoke"))
    assert (removed.action, removed.time_ms, removed.reaction) == ("remove", GIVEN_MS, None)


def test_a_thread_hangs_on_its_first_note() -> None:
    """GitLab names the thread only. The first note's edit does not hang on itself."""
    reader = Reader("gitlab", ACCOUNT, brand=["9"])
    first = reader.one(note(1))
    answer = reader.one(note(2, author_id=9))
    assert (first.parent, first.id, first.actor) == (None, f"{ACCOUNT}/notes/1", "2")
    assert (answer.parent, answer.own) == (first.id, True)
    edited = reader.one(note(1, action="update"))
    assert (edited.action, edited.parent, edited.time_ms) == ("edit", None, GIVEN_MS + 60_000)
    assert reader.one(note(3, "another")).parent is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (emoji(kind="Note"), "reaction_on_comment"),
        (emoji(kind="Snippet"), "unsupported_item"),
        (emoji("renamed"), "unsupported_item"),
        (emoji(issue=None), "missing_field"),
        (emoji(project=None), "missing_field"),
        (emoji(project={"id": 6, "web_url": "http://[", "path_with_namespace": "x"}), "missing_field"),
        (emoji(project={**PROJECT, "id": 7}), "not_ours"),
        (note(1, noteable_type="Commit"), "unsupported_item"),
        (note(1, system=True), "unsupported_item"),
        (note(1, internal=True), "unsupported_item"),
        (note(1, id=None), "missing_field"),
        ({"object_kind": "push", "project": PROJECT}, "unsupported_item"),
    ],
)
def test_what_does_not_count_on_gitlab_has_its_reason(body: dict[str, Any], reason: str) -> None:
    assert Reader("gitlab", ACCOUNT).one(body) == reason


def published(content: Any, event: str = "video.publish.completed", account: str = "act.1") -> dict[str, Any]:
    return {"event": event, "create_time": 100, "user_openid": account, "content": content}


def test_a_published_video_is_named_in_json_inside_a_string() -> None:
    """A sender that writes it as JSON means the same."""
    for content in (json.dumps({"share_id": "v.1"}), {"share_id": "v.1"}):
        assert Reader("tiktok").one(published(content)).post == "v.1"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (published("{}", "authorization.removed"), "subscription_ended"),
        (published("{}", "video.upload.failed"), "unsupported_item"),
        (published("{"), "not_json"),
        (published("[]"), "missing_field"),
        (published('{"share_id": "v.1"}', account="act.2"), "not_ours"),
    ],
)
def test_what_does_not_count_on_tiktok_has_its_reason(body: dict[str, Any], reason: str) -> None:
    assert Reader("tiktok", "act.1").one(body) == reason
