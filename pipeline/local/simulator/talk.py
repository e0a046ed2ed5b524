"""What brands publish and what people say to it: sentences put together from the words of a topic. All made up.

A post is about one thing of its brand's; its comments name that thing, mostly in English. Some things heat people up.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

#: So many times the comments a post gets when it asks an open question. The demo's insights find what was put here.
QUESTION_LIFT = 3.0
#: And when it is about one of the topic's hot things.
HEAT = 1.8
#: Of the comments on a hot thing, how many are about what is wrong with it.
ANGER = 0.5
FOREIGN = 0.15
EMOJI = 0.06
TAGGED = 0.7


@dataclass(frozen=True)
class Topic:
    """`things` that a brand sells, the `hot` ones among which people argue about, what they say then, and hashtags."""

    things: tuple[str, ...]
    hot: tuple[str, ...]
    angry: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """What a post is about."""

    topic: Topic
    thing: str
    asks: bool

    @property
    def lift(self) -> float:
        """How many times as many comments it gets as a statement about something that leaves people cold."""
        return (QUESTION_LIFT if self.asks else 1.0) * (HEAT if self.thing in self.topic.hot else 1.0)


TOPICS = {
    "coffee": Topic(
        ("cold brew", "espresso", "oat milk", "cinnamon bun", "house roast", "paper cup"),
        ("oat milk", "paper cup"),
        ("Why is {thing} extra? Not fair.", "Charging extra for {thing}, really?", "Please stop charging for {thing}."),
        ("#coffee", "#harbourmorning", "#baristalife"),
    ),
    "cosmetics": Topic(
        ("lip balm", "night cream", "refill jar", "sun lotion", "mascara", "rose perfume"),
        ("refill jar", "mascara"),
        ("Is the {thing} tested on animals?", "Still too much plastic around the {thing}.", "The {thing} smudges."),
        ("#glow", "#skincare", "#newin"),
    ),
    "cycles": Topic(
        ("gravel bike", "cargo bike", "helmet", "saddle", "disc brake", "rain jacket"),
        ("cargo bike", "disc brake"),
        ("My {thing} still squeaks after the repair.", "Nobody can repair my {thing}.", "Spare parts for my {thing}?"),
        ("#cycling", "#ridetowork", "#workshop"),
    ),
    "rail": Topic(
        ("night train", "ticket app", "morning express", "seat reservation", "timetable", "dining car"),
        ("ticket app", "morning express"),
        ("Refund, please: the {thing} failed again.", "Delayed again because of the {thing}.", "Still no refund."),
        ("#atlasrail", "#travel", "#timetable"),
    ),
    "games": Topic(
        ("garden level", "night mode", "soundtrack", "beta key", "boss fight", "pixel frog"),
        ("beta key", "boss fight"),
        ("The {thing} crashes on my console.", "Please fix the {thing}.", "Where is the patch for the {thing}?"),
        ("#indiegame", "#pixelart", "#devlog"),
    ),
    "food": Topic(
        ("lentil soup", "lemon tart", "olive bread", "picnic basket", "tasting menu", "fig jam"),
        ("tasting menu", "picnic basket"),
        ("No vegan {thing}?", "The {thing} has become so small.", "Is there a vegan {thing}?"),
        ("#recipe", "#oliveandthyme", "#seasonal"),
    ),
}

_QUESTIONS = (
    "What do you think of our {thing}?", "Tell us: what would you change about our {thing}?",
    "How do you like our new {thing}?", "What should come after the {thing}?",
    "Which memory do you have of your first {thing}?",
)  # fmt: skip
#: A question that can be answered with yes or no is a statement here: it is not open.
_STATEMENTS = (
    "Fresh from today: our {thing}.", "A look behind the scenes of our {thing}.", "The {thing} is back.",
    "Ten years of the {thing}. Thank you all! 🎉", "Have you seen our {thing} yet?",
)  # fmt: skip
_COMMENTS = (
    "Love the {thing}!", "When will the {thing} be back?", "How much is the {thing}?", "Not for me, this {thing}.",
    "Finally, the {thing}!", "Could you bring back the old {thing}?", "The {thing} was better last year.",
    "My {thing} arrived late, and nobody answers the phone.", "Best {thing} in town 👏", "Is the {thing} sold out?",
    "Told my sister about the {thing}, she wants one as well.", "Beautiful.", "Where can I find the {thing}?",
)  # fmt: skip
#: To a question of the brand's people say what they think.
_OPINIONS = (
    "I would make the {thing} a little smaller.", "For me the {thing} is perfect as it is.", "More colours, please!",
    "My favourite is still the old {thing}.", "Honestly, the {thing} needs more love.", "The {thing} with my family.",
)  # fmt: skip
_FOREIGN = (
    "Wann gibt es das wieder?", "Das ist sehr schön geworden.", "Très joli, bravo ❤", "Pourquoi est-ce si cher ?",
    "¿Cuánto cuesta?", "Me encanta, gracias.", "かわいいですね", "Bellissimo, complimenti!", "Quando chega ao Brasil?",
)  # fmt: skip
_EMOJI = ("👏👏👏", "❤", "😍😍", "🙌")
_ASIDES = (
    "Same here.",
    "I asked that last week as well.",
    "Mine took three weeks.",
    "You are right.",
    "Not true, sorry.",
)
_ANSWERS = (
    "Thank you!", "Please send us a message, we will sort it out.", "Soon, we promise.", "Yes, from Monday on.",
    "Sorry to hear that. Which order is it?",
)  # fmt: skip


def choose_subject(topic: str, asks: bool, random: Random) -> Subject:
    """What the next post is about."""
    chosen = TOPICS[topic]
    return Subject(chosen, random.choice(chosen.things), asks)


def post_text(subject: Subject, random: Random) -> str:
    """A post, and mostly a hashtag."""
    text = random.choice(_QUESTIONS if subject.asks else _STATEMENTS).format(thing=subject.thing)
    return f"{text} {random.choice(subject.topic.tags)}" if random.random() < TAGGED else text


def comment_text(subject: Subject, random: Random) -> str:
    """What somebody says below a post."""
    chance = random.random()
    if chance < EMOJI:
        return random.choice(_EMOJI)
    if chance < EMOJI + FOREIGN:
        return random.choice(_FOREIGN)
    if subject.thing in subject.topic.hot and random.random() < ANGER:
        return random.choice(subject.topic.angry).format(thing=subject.thing)
    return random.choice(_OPINIONS if subject.asks else _COMMENTS).format(thing=subject.thing)


def aside_text(random: Random) -> str:
    """What somebody says to another one's comment."""
    return random.choice(_ASIDES)


def answer_text(random: Random) -> str:
    """What a brand replies."""
    return random.choice(_ANSWERS)
