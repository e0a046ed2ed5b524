"""What one token may have of what is scarce: its questions wait for each other, not those of another token."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline.access.grants import Grant
from pipeline.api.held import QUESTIONS_MAX, Held
from pipeline.api.shares import ShareError, Shares
from pipeline.api.tokens import Tokens, hash_token
from pipeline.api.turns import Turns
from pipeline.settings import Secret, Settings

MINE, OTHER = Grant("mine", token=b"1"), Grant("other", token=b"2")


class Work:
    """Notes whose work began, in their order; each takes a turn of the loop."""

    def __init__(self) -> None:
        self.began: list[str] = []

    async def of(self, name: str) -> str:
        """The work of this name."""
        self.began.append(name)
        await asyncio.sleep(0)
        return name


async def test_a_token_with_many_questions_does_not_keep_another_waiting() -> None:
    """One answer of it at the most comes before that of another token, also where its askers have hung up."""
    turns, work = Turns(most=100), Work()
    mine = [turns.begin(MINE, lambda number=number: work.of(f"mine {number}")) for number in range(100)]  # type: ignore[misc]
    await asyncio.sleep(0)
    assert await turns.begin(OTHER, lambda: work.of("other")) == "other"
    assert work.began.index("other") <= 2
    await asyncio.gather(*mine)
    assert len(work.began) == 101


async def test_a_token_has_few_questions_at_a_time() -> None:
    """The next one is refused at once, and taken again when one has ended, however; others go on."""
    turns, work = Turns(most=2), Work()

    async def fails() -> str:
        raise ValueError

    first, _ = turns.begin(MINE, fails), turns.begin(MINE, lambda: work.of("second"))
    with pytest.raises(ShareError, match="2 questions of this kind wait for this token; expected 2 at the most"):
        turns.begin(MINE, lambda: work.of("third"))
    assert await turns.begin(OTHER, lambda: work.of("other")) == "other"
    with suppress(ValueError):
        await first
    assert await turns.begin(MINE, lambda: work.of("fourth")) == "fourth"
    cancelled = turns.begin(MINE, lambda: work.of("never"))
    cancelled.cancel()
    with suppress(asyncio.CancelledError):
        await cancelled
    await asyncio.gather(*(turns.begin(MINE, lambda: work.of("last")) for _ in range(2)))
    assert "never" not in work.began


async def test_a_question_that_is_refused_pushes_out_no_answer() -> None:
    """Held answers of others would be worked out anew."""
    held, work = Held[str](60), Work()
    await held.get("kept", lambda: work.of("kept"))

    def refused() -> asyncio.Task[str]:
        raise ShareError

    for number in range(2 * QUESTIONS_MAX):
        with pytest.raises(ShareError):
            await held.get(number, refused)
    await held.get("kept", lambda: work.of("kept"))
    assert work.began == ["kept"]


def test_shares_keep_nothing_of_tokens_that_hold_nothing() -> None:
    """Tokens come and go for as long as the API runs."""
    shares = Shares()
    shares.take(MINE)
    shares.take(MINE)
    shares.give(MINE)
    assert (shares.held_by(MINE), shares.held_by(OTHER)) == (1, 0)
    shares.give(MINE)
    assert not shares._held


def test_only_tokens_that_read_accounts_share_with_each_other(tmp_path: Path) -> None:
    """A dashboard's token beside the one that reads the metrics is the only one, and so is who needs none."""
    file = tmp_path / "access.toml"
    tables = [
        f'[tokens.{name}]\nsha256 = ["{hash_token(name).hex()}"]\naccounts = {accounts}\n'
        for name, accounts in (("metrics", "[]"), ("dashboard", '["*"]'), ("agency", '["x:1"]'))
    ]
    alone = []
    for number in range(4):
        file.write_text("[tokens]\n" + "".join(tables[:number]))
        alone.append(Tokens(Settings(api_access_file=str(file))).is_one)
    assert alone == [True, True, True, False]
    assert Tokens(Settings()).is_one
    assert not Tokens(Settings(api_tokens=Secret(f"{'x' * 16},{'y' * 16}"))).is_one
