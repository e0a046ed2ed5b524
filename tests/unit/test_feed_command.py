"""`twoway feed` before it asks any server: the file first, then the key, and what a local stack would have brought."""

from __future__ import annotations

from pathlib import Path

from tests.commands import twoway

KEY = (
    "twoway: TWOWAY_ACTOR_KEY is not set; expected 32 characters or more, the same for every gateway and listener "
    "(docs/privacy.md)"
)


def test_feeding_without_a_stack_says_that_none_runs_in_this_directory(tmp_path: Path) -> None:
    """As other commands do: most often that is why there is no key. Who names servers has no stack in mind."""
    (tmp_path / "first.csv").write_text("")
    line = f"{KEY}; no `twoway up` or `twoway demo` runs in this directory\n"
    assert twoway("feed", "first.csv", cwd=tmp_path).stderr == line
    assert twoway("feed", "first.csv", cwd=tmp_path, TWOWAY_REDIS_URL="redis://redis.example").stderr == f"{KEY}\n"


def test_a_file_that_is_not_there_is_said_before_a_key_is_missed(tmp_path: Path) -> None:
    done = twoway("feed", "frist.csv", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        "twoway: frist.csv cannot be read (No such file or directory); expected a file of interactions\n",
    )
