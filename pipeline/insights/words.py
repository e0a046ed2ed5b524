"""The words of comments: which are said by the most people, and which go with conversation. Pure.

NLTK's tokenizer for posts takes texts apart (it needs none of NLTK's data), stopwordsiso names the words that say
nothing. Languages that write without spaces are not taken apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import Any

from stopwordsiso import has_lang, stopwords

from pipeline.counting.rows import conversation_rank
from pipeline.insights.answers import TOO_FEW_POSTS, Word, Words
from pipeline.insights.facts import PostFacts, Said, comparable
from pipeline.labels.languages import guess_language

WORDS_MOST = 20
#: A word of fewer comments or posts tells what these few were about, not what makes people talk.
COMMENTS_LEAST = 5
POSTS_LEAST = 3
_LONGEST_WORD = 40


@dataclass
class _Use:
    """Where a word is said. `compared`: comments on posts of which it is known whether they are talked about; `talked`:
    of these, those on posts that are."""

    comments: int = 0
    compared: int = 0
    talked: int = 0
    posts: set[str] = field(default_factory=set)
    actors: set[str] = field(default_factory=set)


def words(posts: Sequence[PostFacts], comments: Sequence[Said]) -> Words:
    """The words of the comments on these posts. Their texts are read once."""
    shares = {post.id: post.share for post in comparable(posts) if post.share is not None}
    talked_about = _talked_about(shares)
    read = {post.id for post in posts}
    said = [(one, guess_language(one.text)) for one in comments if one.post in read]
    languages = Counter(lang for _, lang in said if lang is not None)
    usual = languages.most_common(1)[0][0] if languages else "en"
    uses: dict[str, _Use] = {}
    for one, lang in said:
        for word in split_words(one.text, lang or usual):
            use = uses.setdefault(word, _Use())
            use.comments += 1
            use.compared += one.post in shares
            use.talked += one.post in talked_about
            use.posts.add(one.post)
            if one.actor is not None:
                use.actors.add(one.actor)
    on_talked = sum(one.post in talked_about for one, _ in said)
    compared = sum(one.post in shares for one, _ in said)
    base = on_talked / compared if compared and talked_about else None
    return Words(
        common=_common(uses),
        conversation=_conversation(uses, base) if talked_about and base is not None else [],
        talked_share=base,
        note=None if talked_about else TOO_FEW_POSTS,
    )


def split_words(text: str, lang: str) -> set[str]:
    """The different words of a text that say something, in small letters; hashtags keep their `#`."""
    empty = _empty_words(lang)
    found = set()
    for token in _tokenize(text):
        word = token.casefold().replace("’", "'").removesuffix("'s")  # noqa: RUF001 - phones write it so
        if word not in empty and _is_word(word):
            found.add(word)
    return found


def _is_word(word: str) -> bool:
    """Neither a sign, a number, an emoji, a link nor a single letter of the Latin script."""
    if len(word) > _LONGEST_WORD or (len(word) < 2 and word.isascii()) or "/" in word:
        return False
    return (word[0].isalnum() or word[0] == "#") and any(map(str.isalpha, word))


def _talked_about(shares: Mapping[str, float]) -> set[str]:
    """The posts whose conversation share is above the median; none of fewer than twice POSTS_LEAST."""
    if len(shares) < 2 * POSTS_LEAST:
        return set()
    middle = median(shares.values())
    return {post for post, share in shares.items() if share > middle}


def _common(uses: dict[str, _Use]) -> list[Word]:
    """By people, so that one who repeats himself does not make a word common."""
    often = sorted(uses, key=lambda word: (-len(uses[word].actors), -uses[word].comments, word))
    return [_word(word, uses[word]) for word in often[:WORDS_MOST]]


def _conversation(uses: dict[str, _Use], base: float) -> list[Word]:
    frequent = [
        _word(word, use)
        for word, use in uses.items()
        if use.compared >= COMMENTS_LEAST and len(use.posts) >= POSTS_LEAST
    ]
    going = [word for word in frequent if word.talked_low > base]
    return sorted(going, key=lambda word: (-word.talked_low, -word.comments, word.word))[:WORDS_MOST]


def _word(word: str, use: _Use) -> Word:
    return Word(
        word=word,
        comments=use.comments,
        posts=len(use.posts),
        talkers=len(use.actors),
        talked_share=use.talked / use.compared if use.compared else 0.0,
        talked_low=conversation_rank(use.compared - use.talked, use.talked, 0),
    )


@cache
def _empty_words(lang: str) -> frozenset[str]:
    """Words that say nothing: of the language, and of English, which stands in every language's comments."""
    listed = stopwords("en") | (stopwords(lang) if has_lang(lang) else set())
    return frozenset(word.casefold() for word in listed)


def _tokenize(text: str) -> list[str]:
    return list(_tokenizer().tokenize(text))


@cache
def _tokenizer() -> Any:
    # Here, because NLTK takes half a second to come up, and the worker only needs the labels.
    from nltk.tokenize.casual import TweetTokenizer

    # Its own small letters cost as much as all the rest; a phone number is no word.
    return TweetTokenizer(preserve_case=True, strip_handles=True, match_phone_numbers=False)
