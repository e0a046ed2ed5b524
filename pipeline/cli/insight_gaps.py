"""What an account's insights cannot say yet, and why: a sentence in the place of an empty table or panel. Pure."""

from __future__ import annotations

from pipeline.insights import Insights

NO_POSTS = "No post is known yet."


def rates_gap(found: Insights) -> str | None:
    """Why there are no rates; None where there are."""
    return None if found.considered.posts else NO_POSTS


def silence_gap(found: Insights) -> str | None:
    """Why nothing can be said of who did something; None where it can."""
    if any(one.engaged for one in found.silence):
        return None
    return "Nobody is known to have done anything: the platform hides who it was, or nothing has come yet."


def followers_gap(found: Insights) -> str | None:
    """Why nothing can be said of the silent; None where it can."""
    if found.followers:
        return None
    return "How many stay silent is unknown without the number of followers: send it as totals."


def comparisons_gap(found: Insights) -> str | None:
    """Why no posts can be set against others; None where there are some of a kind."""
    if not found.considered.posts:
        return NO_POSTS
    if any(one.posts for one in (found.question, *found.labels)):
        return None
    if not found.considered.labelled:
        return "No post has labels: none of them was seen when it was published."
    return "No post asks an open question, and no label tells posts apart."


def lifts_gap(found: Insights) -> str | None:
    """Why there is no lift; None where there is one."""
    if any(one.lift is not None for one in (found.question, *found.labels)):
        return None
    if gap := comparisons_gap(found):
        return gap
    return f"Too few posts for a lift: it needs {found.method.smallest_sample} on either side, with comments on both."


def hours_gap(found: Insights) -> str | None:
    """Why there is no hour of publication; None where there is one."""
    if any(hour.posts for hour in found.hours):
        return None
    return "Of no post the hour is known: none was seen when it was published." if found.considered.posts else NO_POSTS


def words_gap(found: Insights) -> str | None:
    """Why there are no words; None where there are."""
    if found.words.common:
        return None
    if not found.considered.comments:
        return f"No texts of comments are kept of the last {found.considered.comments_days} days."
    return "No word of these comments says anything."


def starters_gap(found: Insights) -> str | None:
    """Why there is no post that started a conversation; None where there is one."""
    if found.starters:
        return None
    return "No post has a comment yet." if found.considered.posts else NO_POSTS
