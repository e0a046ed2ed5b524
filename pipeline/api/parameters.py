"""Query parameters: declared once, read and described from the same declaration. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from pipeline.errors import QueryError

Value = str | int | bool | tuple[str, ...] | None
_SHOWN = 100


@dataclass(frozen=True)
class Parameter:
    """A query parameter. `choices`: the texts allowed; `low`, `high`: it is a number between; `many`: may be repeated.

    A `flag` is `true` or `false`. `pattern`: what a text looks like, for those who read the document.
    `default` is what holds where it is not given. `commas`: several in one text.
    """

    name: str
    meaning: str
    default: Value = None
    choices: tuple[str, ...] = ()
    low: int | None = None
    high: int | None = None
    many: bool = False
    commas: bool = True
    flag: bool = False
    pattern: str = ""

    def read(self, texts: Sequence[str]) -> Value:
        """The value of what was given. Raises QueryError."""
        if not texts:
            return () if self.many else self.default
        if self.many:
            parts = [part for text in texts for part in (text.split(",") if self.commas else (text,)) if part]
            return tuple(map(self._text, parts))
        if len(texts) > 1:
            raise QueryError(f"{self.name} is given {len(texts)} times; expected once")
        if self.low is not None:
            return self._number(texts[0])
        return self._flag(texts[0]) if self.flag else self._text(texts[0])

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""
        if self.low is not None:
            schema: dict[str, Any] = {"type": "integer", "minimum": self.low, "maximum": self.high}
        elif self.flag:
            schema = {"type": "boolean"}
        else:
            schema = {"type": "string"} | ({"enum": list(self.choices)} if self.choices else {})
            schema |= {"pattern": self.pattern} if self.pattern else {}
        if self.many:
            return {"type": "array", "items": schema}
        return schema | ({} if self.default is None else {"default": self.default})

    def _text(self, text: str) -> str:
        if self.choices and text not in self.choices:
            raise QueryError(f"{self.name} is {text[:_SHOWN]!r}; expected one of {', '.join(self.choices)}")
        return text

    def _number(self, text: str) -> int:
        if self.low is None or self.high is None:
            raise ValueError(f"{self.name} is declared without a range")
        if not (text.isascii() and text.isdigit() and len(text) <= 15 and self.low <= int(text) <= self.high):
            raise QueryError(f"{self.name} is {text[:_SHOWN]!r}; expected a number from {self.low} to {self.high}")
        return int(text)

    def _flag(self, text: str) -> bool:
        if text not in {"true", "false"}:
            raise QueryError(f"{self.name} is {text[:_SHOWN]!r}; expected true or false")
        return text == "true"


def read_parameters(query: QueryParams, declared: Sequence[Parameter]) -> dict[str, Any]:
    """The value of each declared parameter. Raises QueryError, also for one that is not declared."""
    names = [parameter.name for parameter in declared]
    for name in query:
        if name not in names:
            expected = f"one of {', '.join(names)}" if names else "none"
            raise QueryError(f"parameter is {name[:_SHOWN]!r}; expected {expected}")
    return {parameter.name: parameter.read(query.getlist(parameter.name)) for parameter in declared}
