"""The access file and `twoway token`: what is refused, and that the one takes what the other prints."""

from __future__ import annotations

import hmac
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from pipeline.access.grants import EVERYTHING, Grant
from pipeline.api import tokens as tokens_module
from pipeline.api.access_file import FILE_BYTES_MAX, load, parse_account
from pipeline.api.tokens import TOKENS_MAX, Tokens, hash_token, make_token
from pipeline.cli.main import build
from pipeline.errors import ForbiddenError, SettingsError
from pipeline.settings import Secret, Settings

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tokens", "is no TOML"),
        ("", "has no \\[tokens\\]"),
        ("[tokens]\n[other]\n", "has no \\[tokens\\]"),
        ("tokens = 3", "has no \\[tokens\\]"),
        ("[tokens]\na = 3", "'a' is no table"),
        ("[tokens.'a b']\nsha256 = []", "'a b'; expected a name of letters"),
        (f"[tokens.a]\nsha256 = ['{HASH}']\naccount = ['x:1']", "unknown key 'account'; expected accounts, operations"),
        ("[tokens.a]\nsha256 = ['abc']\naccounts = ['*']", "'a': sha256; expected a list of hashes of 64 hex digits"),
        (f"[tokens.a]\nsha256 = '{HASH}'\naccounts = ['*']", "'a': sha256; expected a list"),
        (f"[tokens.a]\nsha256 = ['{HASH.upper()}']\naccounts = ['*']", "'a': sha256; expected a list"),
        (f"[tokens.a]\nsha256 = ['{HASH}']", "'a': accounts; expected a list such as"),
        (f"[tokens.a]\nsha256 = ['{HASH}']\naccounts = '*'", "'a': accounts; expected a list such as"),
        (f"[tokens.a]\nsha256 = ['{HASH}']\naccounts = ['*', 'x:1']", "accounts has '\\*' and others"),
        (f"[tokens.a]\nsha256 = ['{HASH}']\naccounts = ['acme']", "accounts has 'acme'; expected a list such as"),
        (f"[tokens.a]\nsha256 = ['{HASH}']\naccounts = ['x:']", "accounts has 'x:'"),
        (f"[tokens.a]\nsha256 = ['{HASH}']\naccounts = ['*']\noperations = 'yes'", "'a': operations; expected true"),
    ],
)
def test_an_access_file_that_means_nothing_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """By file, token and key; never a hash. Nobody gets everything by leaving something out."""
    file = tmp_path / "access.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=message) as caught:
        load(file)
    assert str(file) in str(caught.value)
    assert HASH not in str(caught.value)


def test_a_file_that_is_too_large_or_not_there_is_refused(tmp_path: Path) -> None:
    """It is parsed while others wait for their answers."""
    file = tmp_path / "access.toml"
    with pytest.raises(SettingsError, match="cannot be read \\(No such file"):
        load(file)
    file.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(SettingsError, match="is too large; expected 1,000,000 bytes"):
        load(file)


def test_two_tokens_do_not_share_a_hash_and_there_are_not_too_many(tmp_path: Path) -> None:
    """Whose grant would hold? And all are compared at every request."""
    file = tmp_path / "access.toml"
    settings = Settings(api_access_file=str(file))
    table = "[tokens.{name}]\nsha256 = ['{digest}']\naccounts = ['x:1']\n"
    file.write_text(table.format(name="a", digest=HASH) + table.format(name="b", digest=HASH))
    with pytest.raises(SettingsError, match="token 'b' has a hash of 'a' as well"):
        Tokens(settings)
    many = ", ".join(f"'{number:064x}'" for number in range(TOKENS_MAX + 1))
    file.write_text(f"[tokens.a]\nsha256 = [{many}]\naccounts = ['*']")
    with pytest.raises(SettingsError, match="1,001 tokens are given; expected 1,000"):
        Tokens(settings)


def test_every_hash_is_compared_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the first token is right, the last, or none: the same work, in constant time each."""
    tokens = Tokens(Settings(api_tokens=Secret(",".join(letter * 16 for letter in "abc"))))
    compared = []

    class Watched:
        @staticmethod
        def compare_digest(left: bytes, right: bytes) -> bool:
            compared.append(right)
            return hmac.compare_digest(left, right)

    monkeypatch.setattr(tokens_module, "hmac", Watched)
    assert [tokens.find(letter * 16) is not None for letter in "acx"] == [True, True, False]
    assert compared == [hash_token(letter * 16) for letter in "abc"] * 3


def test_tokens_and_their_hashes_are_never_shown() -> None:
    """Not in a grant that is printed; and what is kept is not what opens."""
    grant = Grant("ours", frozenset({("x", "1")}), token=hash_token("a" * 16))
    assert hash_token("a" * 16).hex() not in repr(grant)
    assert repr(grant.token) not in repr(grant)
    assert Tokens(Settings(api_tokens=Secret("a" * 16))).find(hash_token("a" * 16).hex()) is None


def test_tokens_are_drawn_from_256_bits() -> None:
    """No two are the same, and all can be told for what they are."""
    made = {make_token() for _ in range(100)}
    assert len(made) == 100
    assert all(token.startswith("twoway_") and len(token) == 7 + 43 for token in made)


@given(st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
def test_a_grant_holds_its_accounts_and_no_others(account: str, other: str) -> None:
    """Whatever an id is made of: platform and id are two things, never one text that could be cut elsewhere."""
    grant = Grant("ours", frozenset({parse_account(f"facebook:{account}")}))
    grant.require("facebook", account)
    assert grant.holds("facebook", other) == (other == account)
    for platform, name in (("x", account), ("facebook:" + account, ""), ("", "facebook:" + account)):
        with pytest.raises(ForbiddenError, match="is beyond this token"):
            grant.require(platform, name)
    EVERYTHING.require("facebook", other)


@pytest.mark.parametrize("account", ["facebook:1234567890", 'mastodon:https://ü.example/"a"\\b\x7f\n', "x:a:b"])
def test_what_the_command_prints_lets_its_token_in(tmp_path: Path, account: str) -> None:
    """Standard output goes into the file, the token to standard error only."""
    done = _run("ours", "--account", account, "--account", "x:2", "--operations")
    token = done.stderr.rpartition(": ")[2].strip()
    assert token not in done.stdout
    file = tmp_path / "access.toml"
    file.write_text(done.stdout)
    grant = Tokens(Settings(api_access_file=str(file))).find(token)
    platform, _, name = account.partition(":")
    assert grant == Grant("ours", frozenset({(platform, name), ("x", "2")}), True, hash_token(token))


def test_the_command_makes_tokens_for_all_and_hashes_to_rotate_with() -> None:
    """Everything has to be asked for in so many words."""
    everything = tomllib.loads(_run("dashboard", "--all").stdout)["tokens"]["dashboard"]
    assert everything["accounts"] == ["*"]
    assert "operations" not in everything
    metrics = tomllib.loads(_run("prom.1", "--operations").stdout)["tokens"]["prom.1"]
    assert (metrics["accounts"], metrics["operations"]) == ([], True)
    bare = _run()
    assert bare.stdout == f'"{hash_token(bare.stderr.rpartition(": ")[2].strip()).hex()}"\n'
    for arguments, message in (
        (["ours"], "what may be read is not clear; expected --account"),
        (["ours", "--all", "--account", "x:1"], "what may be read is not clear; expected --account"),
        (["ours", "--account", "acme"], "--account is 'acme'; expected one such as facebook:1234567890"),
        (["ours", "--account", "*"], "--account is '*'; expected one such as"),
        (["a b", "--all"], "token 'a b'; expected a name of letters"),
        (["--all"], "without a name"),
    ):
        refused = _run(*arguments, code=1)
        assert message in str(refused.exception)
        assert refused.output == ""


def _run(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(build(), ["token", *arguments])
    assert done.exit_code == code, done.output
    return done
