"""What counts as an open question: the rule of docs/insights.md, sentence by sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.labels.questions import _clauses, asks_openly
from tests.yardstick import takes_less

OPEN = [
    "What is your favourite flavour?",
    "Our new shop is open! Which one would you pick?",
    "Summer is near: what's your plan?",
    "If you could travel anywhere, where would you go?",
    "If you could have dinner with anyone who would it be and why?",
    "So, how do you take your coffee?",
    "🔥🔥 Hey everyone! Where are you watching from? 🔥",
    "In which city should we open next?",
    "At what age did you learn to swim?",
    "Quick question: who should play the lead?",
    "What do you think",
    "Whats your dream holiday",
    "Tea or coffee and why?",
    "WHAT WOULD YOU DO???",
    "@anna @ben what kind of music do you run to?",
    "#fridayfun Why did you start painting?",
    "Tell us in the comments!",
    "Let us know what you would change.",
    "Share your story with us",
    "Share a photo of your desk.",
    "Please name one thing that makes you smile",
    "Drop your best tip below 👇",
    "Leave us a comment.",
    "Comment below with your favourite!",
    "Caption this!",
    "We'd love to hear how you spend your Sundays.",
    "Can you guess what this is?",
    "Could you tell us where you saw it?",
    "Do you know which bird this is?",
    "Favourite flavour?",
    "Any tips?",
    "Thoughts on the new look?",
    "What do you prefer, A vs. B?",
    "How about you?",
    "How old is she?",
    "Did you watch? What did you like most?",
    "What's your favourite? Here's mine: lemon.",
    "Ask us anything!",
    "Do you run? How often do you go?",
    "What‘s the best advice you ever got?",  # noqa: RUF001
]
NOT_OPEN = [
    "Do you like it?",
    "Are you ready?",
    "Tea or coffee?",
    "Isn’t it lovely?",  # noqa: RUF001
    "Have you tried our new flavour?",
    "Do you remember when we opened?",
    "Did you see our show, where we played the old songs?",
    "We won the cup, which is great, isn't it?",
    "What a day, right?",
    "What a goal!",
    "How cute is this?",
    "Who's excited?",
    "Who else loves Mondays?",
    "Why not join us tonight?",
    "How about a coffee?",
    "What if we told you it is free?",
    "Guess what? It's Friday!",
    "Want to know how?",
    "Did you know? Bees sleep.",
    "Why? Because we care.",
    "How do you make the perfect coffee? Read our guide.",
    "What makes our bread so good? Find out at our bakery.",
    "She asked: “What do you think?” and left.",
    'Our new single "What is love?" is out now.',
    "We asked our baker 'what's your secret?' and here is the film.",
    "What you need to know about our new opening hours.",
    "How we built it: the whole story.",
    "When we opened, you came. Thank you!",
    "Here is what you told us.",
    "Let us know if you need help.",
    "Tell us whether you are coming.",
    "Share this post with a friend.",
    "Tag a friend who needs this.",
    "Comment YES to win.",
    "Drop a ❤️ for the team.",
    "Our new bikes are here.",
    "Thank you for your thoughts.",
    "",
    "...",
]


@pytest.mark.parametrize("text", OPEN)
def test_open_questions_and_invitations_are_open(text: str) -> None:
    """They cannot be answered with yes, no, or one of the given choices."""
    assert asks_openly(text, "en")


@pytest.mark.parametrize("text", NOT_OPEN)
def test_statements_closed_and_rhetorical_questions_are_not(text: str) -> None:
    """Yes and no, choices, shows of hands, shouts, quotes, and questions that the text answers itself."""
    assert not asks_openly(text, "en")


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("de", "Was ist euer Lieblingsgeschmack?", True),
        ("de", "Gefällt es dir?", True),
        ("de", "Neu im Laden.", False),
        ("de", "Er sagte: „Wirklich?“ und ging.", False),
        ("es", "¿Cuál es tu sabor favorito", True),
        ("ar", "ما هو طعمك المفضل؟", True),
        ("ja", "好きな味は何ですか？", True),  # noqa: RUF001
        ("ja", "「なに?」と言った。", False),
        ("el", "Τι λες;", True),  # noqa: RUF001
        (None, "Zzyzx?", True),
        (None, "Zzyzx;", False),
    ],
)
def test_other_languages_go_by_the_question_mark(lang: str | None, text: str, expected: bool) -> None:
    """That of any script; not inside quotes."""
    assert asks_openly(text, lang) is expected


@pytest.mark.parametrize(("table", "expected"), [("**Open**", True), ("**Not open**", False)])
def test_examples_of_the_page_are_labelled_as_it_says(table: str, expected: bool) -> None:
    """Those in italics of docs/insights.md, but for exceptions in brackets."""
    page = (Path(__file__).parents[2] / "docs" / "insights.md").read_text(encoding="utf-8")
    rows = page.partition(table)[2].partition("|---|---|")[2].partition("\n\n")[0]
    examples = re.findall(r"\*([^*]+)\*", re.sub(r"\(but:.*?\)", "", rows))
    assert len(examples) >= 10
    assert [example for example in examples if asks_openly(example, "en") is not expected] == []


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u3000"])
def test_a_long_run_of_blanks_takes_no_longer_than_other_text(blank: str) -> None:
    """Its time grew with the square of its length: 4,050 took 0.3 s, and ten times as many would take half a minute."""
    text = "what do you think of the new" + blank * 40_000 + "?"
    assert asks_openly(text, "en")
    assert takes_less(lambda: asks_openly(text, "en"), 20)


@pytest.mark.parametrize(
    ("sentence", "clauses"),
    [
        ("a ,\u00a0 b", ["a", "b"]),
        ("a  -  - b", ["a", "- b"]),
        ("a - , b-c ", ["a", "", "b-c "]),
        ("  , b", ["", "b"]),
        ("\t a ", ["\t a "]),
    ],
)
def test_blanks_around_a_separator_belong_to_no_clause(sentence: str, clauses: list[str]) -> None:
    assert _clauses(sentence) == clauses
