"""The language of a text, guessed from the stop words in it: good for a label, cheap, and without any model. Pure.

Words are weighed: one that a single language lists counts 1, one that four list counts a quarter for each.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stopwordsiso import stopwords

#: Languages that are told apart. Others give None; small ones would take words from the large (`la`, `so`, `is`).
LANGUAGES = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "sk", "hu", "ro", "tr", "id"),
    *("hr", "ca", "ru", "uk", "bg", "el", "ar", "fa", "ur", "he", "hi"),
)
#: Scripts that write without spaces, or that one language alone uses.
_RANGES = (("ja", "ぁ-ヿ"), ("ko", "가-힣"), ("th", "ก-๛"), ("zh", "一-鿿"))
_SCRIPTS = tuple((lang, re.compile(f"[{signs}]")) for lang, signs in _RANGES)
_may_be_script = re.compile(f"[{''.join(signs for _, signs in _RANGES)}]").search
_words = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*").findall
#: The first words of a text tell as much as all of them.
WORDS_MOST = 40
_CHARACTERS_MOST = 300
#: Less than this much evidence, or less than this many times that of the next language, is no answer.
_EVIDENCE_LEAST = 0.75
_LEAD_LEAST = 1.4
#: The English list also holds the country codes of the internet (`de`, `la`, `es`); these short words are English.
_SHORT_ENGLISH = frozenset(
    [
        *("a", "i", "am", "an", "as", "at", "be", "by", "do", "go", "he", "hi", "if", "in", "is", "it", "me", "my"),
        *("no", "of", "oh", "ok", "on", "or", "so", "to", "up", "us", "we"),
    ]
)
#: A word of more languages than this tells little and costs time.
_SHARED_MOST = 4

_Table = dict[str, tuple[tuple[int, float], ...]]


def guess_language(text: str) -> str | None:
    """ISO 639-1 of the text's language; None where its words do not tell."""
    head = text[:_CHARACTERS_MOST]
    if not head.isascii() and (lang := _by_script(head)):
        return lang
    table, scores = _stop_words(), [0.0] * len(LANGUAGES)
    for word in _words(head.lower().replace("’", "'"))[:WORDS_MOST]:  # noqa: RUF001 - phones write it so
        for number, weight in table.get(word, ()):
            scores[number] += weight
    best = max(scores)
    if best < _EVIDENCE_LEAST:
        return None
    number = scores.index(best)
    scores[number] = 0.0
    return LANGUAGES[number] if best >= _LEAD_LEAST * max(scores) else None


def _by_script(text: str) -> str | None:
    """The language whose script makes up a fifth of the text; Japanese before Chinese, whose signs it shares."""
    if _may_be_script(text) is None:
        return None
    for lang, signs in _SCRIPTS:
        if len(signs.findall(text)) * 5 > len(text):
            return lang
    return None


@lru_cache(maxsize=1)
def _stop_words() -> _Table:
    """Word -> (number of a language, weight) for each language that lists it. Built once, about 40 ms."""
    listed: dict[str, list[int]] = {}
    for number, lang in enumerate(LANGUAGES):
        for word in {word.lower() for word in stopwords(lang)}:
            if lang != "en" or len(word) > 2 or word in _SHORT_ENGLISH:
                listed.setdefault(word, []).append(number)
    return {
        word: tuple((number, 1 / len(numbers)) for number in numbers)
        for word, numbers in listed.items()
        if len(numbers) <= _SHARED_MOST
    }
