"""Ids that begin with a dash, as Telegram's do: `twoway account telegram -1001234567890`.

No option of ours begins with a dash and a digit, so such a word is never one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from typer.core import TyperCommand

_NEGATIVE = re.compile(r"-\d")


class NegativeIds(TyperCommand):
    """A command among whose words an id may begin with a dash and a digit."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does, with such ids behind a `--`, after which nothing is an option."""
        return super().parse_args(ctx, self._ordered(ctx, args))

    def _ordered(self, ctx: Any, args: Sequence[str]) -> list[str]:
        known = [one for one in self.params if one.param_type_name == "option"]
        with_value = {name for one in known for name in one.opts if not getattr(one, "is_flag", False)}
        options: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                words += rest
            elif word in with_value:
                options += [word, *islice(rest, 1)]
            elif _NEGATIVE.match(word) or not word.startswith("-") or word == "-":
                words.append(word)
            elif words and not word.startswith("--") and word not in ctx.help_option_names:
                ctx.fail(f"No such option: {word}; an id that begins with a dash is named in one word: PLATFORM:{word}")
            else:
                options.append(word)
        return [*options, "--", *words] if any(map(_NEGATIVE.match, words)) else list(args)
