"""Whether a text asks an open question: one that cannot be answered with yes, no, or one of the given choices. Pure.

The rule for English is the page docs/insights.md, section "The open-question rule"; change both together. Every other
language: there is a question mark outside links and quotes.

Each pattern is anchored or bounded, so that no text takes longer than its length.
"""

from __future__ import annotations

import re

_MARKS = "?？؟¿⸮՞፧\u037e"  # noqa: RUF001 - question marks of other scripts
_mark = re.compile(f"[{_MARKS}]")

#: What somebody else said. The last one is single quotes: apostrophes inside words do not end them.
_quotes = re.compile(
    '"[^"\n]*"|“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|「[^「」]*」'
    r"|(?<!\w)['‘](?:[^'’‘\n]|['’](?=\w)){1,200}['’](?!\w)"  # noqa: RUF001
)
_has_quotes = re.compile("[\"'“„«「‘]").search  # noqa: RUF001
_abbreviations = re.compile(r"(?<=\W)(vs|mr|mrs|ms|dr|st|jr|sr|etc|approx|e\.g|i\.e)\.")
_sentences = re.compile(f"([^.!…\n。！{_MARKS}]*)([.!…\n。！{_MARKS}]*)").findall  # noqa: RUF001
#: Blanks before a separator are taken off afterwards: sought here, each of a long run would begin a search through it.
_parts = re.compile(r"(?:[,;:|()–—]|\s-+\s)\s*").split  # noqa: RUF001
#: Emoji, bullets, numbers, hashtags and names before the first word, and words that only open a sentence.
_openers = re.compile(
    r"(?:[#@]\w+\s*|[^a-z]+|(?:and|so|but|or|now|then|well|ok|okay|hey|hi|hello|also|just|please|pls|guys|folks"
    r"|everyone|everybody|friends|oh|wow|honestly|hmm|q|quick question|question of the day|qotd|question"
    r"|don't forget to|be sure to|make sure to|feel free to|go ahead and)\b)+"
)

_WH = r"(?:what|which|who|whom|whose|where|when|why|how)"
#: The same, found by its first letter: four times as fast as `\\b` and ten alternatives.
_FOUND_WH = r"[wh](?<!\w[wh])(?:hat|hich|ho|hom|hose|here|hen|hy|ow)"
_AUX = r"(?:do|does|did|would|will|should|could|can|are|were|was|is|have|has|'re|'s|'d|'ll|s)"
_NOUNS = (
    r"(?:answers?|thoughts?|ideas?|opinions?|favou?rites?|guess(?:es)?|comments?|tips?|stor(?:y|ies)|suggestions?"
    r"|recommendations?|picks?|choices?|predictions?|experiences?|memor(?:y|ies)|reasons?|photos?|pictures?|captions?"
    r"|best|top|views?|feedback|take|verdict|plans?|advice)"
)

_is_wh = re.compile(
    rf"(?:(?:in|at|for|to|from|with|of|on|by|about|since|until|during)\s)?{_WH}(?:'?(?:s|re|d|ll|ve))?(?!\w)"
).match
#: Asks those who read it: open even inside another sentence or without a question mark.
_asks_you = re.compile(rf"{_FOUND_WH}(?:\s\w{{1,30}}){{0,3}}?\s?{_AUX}\s(?:you|your|yours|ya|y'all)\b").search
#: Shouts, suggestions, and shows of hands, which only look like questions of this kind.
_is_wh_only_in_form = re.compile(
    r"what an?\b|what if\b|what's not to\b|what gives\b|what else is new\b|so what\b|why not\b"
    r"|(?:how|what) about\b(?! you)"
    r"|how (?!many|much|old|long|far|big|tall|often|fast|high|deep|late|soon|early|heavy|large)\w+ "
    r"(?:is|are|was|were) (?:this|that|these|those|it|he|she|they|we)\b"
    r"|who(?:'s|s| is| are)? (?:else\b|ready|excited|in\b|up for|with us|with me|coming|joining|hungry|wants?\b|knew\b"
    r"|cares\b|doesn't\b|wouldn't\b|remembers\b|needs\b|agrees\b|can relate|here\b)"
).match
_is_closed = re.compile(
    r"(?:do|does|did|don't|doesn't|didn't|is|isn't|are|aren't|am|was|wasn't|were|weren't|have|haven't|has|hasn't|had"
    r"|can|can't|could|couldn't|will|won't|would|wouldn't|should|shouldn't|shall|may|might|must|ever|know|remember|want"
    r"|need|ready|looking|guess|fancy|wondering|wonder)\b"
).match
_asks_indirectly = re.compile(
    r"(?:can|could|will|would) (?:you|anyone|anybody|someone|somebody)(?: please)?"
    r" (?:tell|name|share|guess|describe|explain|recommend|suggest)\b"
    r"|do you (?:know|think|remember) (?:what|which|who|where|why|how)\b"
    rf"|(?:if|imagine)\b.*\b{_WH} {_AUX}\b"
).match
#: `Tea or coffee and why?`
_asks_for_reasons = re.compile(r"\band (?:why|how)$").search
_is_tag = re.compile(
    r"(?:right|eh|huh|yes|no|ok|okay|agree|agreed|deal|correct|true or false"
    r"|(?:isn't|aren't|wasn't|weren't|doesn't|don't|didn't|won't|wouldn't|can't|couldn't|hasn't|haven't|is|are|was|were"
    r"|does|do|did|will|would|can|could|has|have) (?:it|he|she|they|you|we|i|that|there))\W*"
).fullmatch
#: `Favourite flavour?`, `Any tips?`, `Thoughts on the new look?`
_is_elliptic = re.compile(
    r"(?:your |any |got any |some |first )?(?:all[- ]time )?(?:thoughts|opinions?|ideas?|tips|suggestions?"
    r"|recommendations?|advice|guesses|predictions?|feedback|reactions?|favou?rites?|go-to)\b"
    rf"|your (?:{_NOUNS}|first|worst|biggest|dream|choice)\b"
).match
#: The text answers the question itself: it was a way to begin.
_is_answer = re.compile(
    r"because\b|here(?:'s| is| are)\b(?! (?:mine|ours|my))|the answer\b|it's (?:easy|simple)\b|simple\b|easy\b"
    r"|find out\b|read\b|learn\b|discover\b|see (?:how|why|what|our|the|here)\b|click\b|swipe\b|watch\b|check out\b"
    r"|let's\b|we(?:'ll|'ve| have| will| asked| explain| show)\b|link in\b|download\b|join us\b|tune in\b"
    r"|take (?:the|our)\b|look no further\b|by \w+ing\b"
).match
_NOT_IF = r"(?!(?: (?:in|the|below|comments?|down|here))*,? (?:if|whether|that)\b)"
#: Orders to answer freely.
_is_invitation = re.compile(
    rf"tell (?:us|me)\b(?! apart){_NOT_IF}"
    rf"|let (?:us|me) (?:know|hear)\b{_NOT_IF}"
    rf"|share (?:yours?\b(?! screen)|with us\b|{_WH}\b|(?:a|one|the|any|some)(?: of your| \w+)? {_NOUNS}\b)"
    rf"|(?:drop|leave|post|write|give|show)(?: us| me)?(?: your| yours| an?)(?: \w+)? {_NOUNS}\b"
    rf"|comment (?:below )?(?:with )?(?:your\b|{_WH}\b)"
    r"|name (?:an?|one|two|three|your|any|the (?:best|first|last|one))\b"
    r"|describe (?:yours?|yourself|this|how|the|in)\b"
    rf"|(?:recommend|suggest) (?:us )?(?:an?|your)\b"
    r"|caption this\b|fill in the blank|(?:finish|complete) (?:the|this|our) sentence|sound off\b|weigh in\b"
    r"|ask (?:us|me) (?:anything|your|a question)\b"
    rf"|(?:we|i)(?:'d| would) love (?:to (?:hear|know|see)\b{_NOT_IF}|your {_NOUNS}\b)"
    rf"|(?:we|i) want to (?:hear|know)\b{_NOT_IF}"
    rf"|curious to (?:hear|know|see) (?:your\b|{_WH}\b)"
).match
#: A text without any of these invites nobody; most have none.
_INVITING = (
    *(
        "tell",
        "let ",
        "share",
        "drop",
        "leave",
        "post",
        "write",
        "give",
        "show",
        "comment",
        "name",
        "describe",
        "recomm",
    ),
    *("suggest", "caption", "fill", "finish", "complete", "sound", "weigh", "ask", "love", "want", "curious"),
)


def asks_openly(text: str, lang: str | None) -> bool:
    """Whether a text (without links) in this language asks an open question."""
    text = _quotes.sub(" ", text) if _has_quotes(text) else text
    if lang != "en":
        return _mark.search(text) is not None or (lang == "el" and ";" in text)
    text = text.lower().replace("’", "'")  # noqa: RUF001 - phones write it so
    sentences = [
        found for found in _sentences(_abbreviations.sub(r"\1", text)) if not found[0].isspace() and any(found)
    ]
    may_invite, may_ask = any(verb in text for verb in _INVITING), "you" in text or "ya" in text or "y'all" in text
    for number, (words, end) in enumerate(sentences):
        marked = _mark.search(end) is not None
        if marked or may_invite or (may_ask and _asks_you(words)):
            clauses = [_bare(clause) for clause in _clauses(words)]
            if may_invite and any(map(_is_invitation, clauses)):
                return True
            following = sentences[number + 1][0] if number + 1 < len(sentences) else ""
            if _is_open(words, clauses, marked=marked) and not _is_answer(_bare(following)):
                return True
    return False


def _is_open(words: str, clauses: list[str], *, marked: bool) -> bool:
    """Whether a sentence is an open question; `marked`: it ends with a question mark."""
    if not marked:
        return _is_wh(clauses[0]) is not None and _asks_at_once(clauses[0])
    if _asks_you(words) or _asks_indirectly(clauses[0]) or _asks_for_reasons(words):
        return True
    if len(clauses) == 1 and _is_elliptic(clauses[0]):
        return True
    if _is_closed(clauses[0]) or _is_tag(clauses[-1]):
        return False
    return any(_is_wh(clause) and not _is_wh_only_in_form(clause) for clause in clauses)


def _asks_at_once(clause: str) -> bool:
    """Whether a clause without a question mark begins by asking those who read it: `what do you think`."""
    found = _asks_you(clause)
    return found is not None and found.start() == 0


def _clauses(words: str) -> list[str]:
    """The clauses of a sentence; what stands before its first and behind its last word stays."""
    *parts, last = _parts(words)
    return [*(part.rstrip() for part in parts), last]


def _bare(clause: str) -> str:
    """A clause from its first word that says something."""
    opener = _openers.match(clause)
    return clause[opener.end() :] if opener else clause
