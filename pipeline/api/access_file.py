"""The access file: the hashes of the API's tokens, and what each may read.

    [tokens.agency-berlin]
    sha256 = ["<64 hex digits>", "..."]             # of each token; any is enough: to replace one without a gap
    accounts = ["facebook:1234567890", "x:77"]      # or ["*"]: all, also those that come
    operations = true                               # /metrics as well; left out: not

Errors name file, token and key, never a hash.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.access.grants import Grant
from pipeline.errors import SettingsError
from schemas.interaction import PLATFORM_PATTERN

#: Accounts that one token may name.
ACCOUNTS_MAX = 10_000
#: A second of parsing at the most.
FILE_BYTES_MAX = 1_000_000
KEYS = frozenset({"sha256", "accounts", "operations"})
_name = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}").fullmatch
_digest = re.compile(r"[0-9a-f]{64}").fullmatch
_platform = re.compile(PLATFORM_PATTERN).match
_ACCOUNT_CHARACTERS = 256


def load(path: Path) -> list[Grant]:
    """The grants of a file, one for each hash. Raises SettingsError, which names file, token and key, never a hash."""
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(
            f"access file {path} cannot be read ({error.strerror}); expected a TOML file, TWOWAY_API_ACCESS_FILE"
        ) from error
    if len(raw) > FILE_BYTES_MAX:
        raise SettingsError(f"access file {path} is too large; expected {FILE_BYTES_MAX:,} bytes at the most")
    try:
        content = tomllib.loads(raw.decode())
    except ValueError as error:
        where = str(error).rpartition("(")[2].rstrip(")") if isinstance(error, tomllib.TOMLDecodeError) else "encoding"
        raise SettingsError(f"access file {path} is no TOML ({where})") from None
    tables = content.get("tokens")
    if not isinstance(tables, dict) or content.keys() != {"tokens"}:
        # An empty file is more often a slip than a wish; to let nobody in, write an empty [tokens].
        raise SettingsError(
            f"access file {path} has no [tokens]; expected tables such as [tokens.name] and none besides"
        )
    return [grant for name, entry in tables.items() for grant in _grants(path, name, entry)]


def parse_account(text: str) -> tuple[str, str]:
    """`platform:id` as (platform, id). Raises ValueError."""
    platform, colon, account = text.partition(":")
    if not colon or not _platform(platform) or not 0 < len(account) <= _ACCOUNT_CHARACTERS:
        raise ValueError(text)
    return platform, account


def check_name(name: str, where: str = "") -> None:
    """Raises SettingsError for what cannot be a token's name."""
    if not _name(name):
        raise SettingsError(
            f"{where}token {name[:100]!r}; expected a name of letters, digits, '.', '_' and '-', up to 64"
        )


def _grants(path: Path, name: str, entry: Any) -> list[Grant]:
    check_name(name, f"{path}: ")
    where = f"{path}: token {name!r}"
    if not isinstance(entry, dict):
        raise SettingsError(f"{where} is no table; expected [tokens.{name}]")
    if unknown := sorted(entry.keys() - KEYS):
        raise SettingsError(f"{where} has the unknown key {unknown[0]!r}; expected {', '.join(sorted(KEYS))}")
    hashes = entry.get("sha256")
    if not isinstance(hashes, list) or not all(isinstance(one, str) and _digest(one) for one in hashes):
        raise SettingsError(
            f"{where}: sha256; expected a list of hashes of 64 hex digits, as `twoway token` prints them"
        )
    operations = entry.get("operations", False)
    if not isinstance(operations, bool):
        raise SettingsError(f"{where}: operations; expected true or false")
    accounts = _accounts(where, entry)
    return [Grant(name, accounts, operations, bytes.fromhex(one)) for one in dict.fromkeys(hashes)]


def _accounts(where: str, entry: Mapping[str, Any]) -> frozenset[tuple[str, str]] | None:
    """None for `*`. Without the key there is no access: nobody gets everything by leaving something out."""
    texts = entry.get("accounts")
    expected = "expected a list such as ['facebook:1234567890'], or ['*'] for all"
    if not isinstance(texts, list) or len(texts) > ACCOUNTS_MAX or not all(isinstance(text, str) for text in texts):
        raise SettingsError(f"{where}: accounts; {expected}, of {ACCOUNTS_MAX:,} at the most")
    if "*" in texts:
        if len(texts) > 1:
            raise SettingsError(f"{where}: accounts has '*' and others; {expected}")
        return None
    try:
        return frozenset(map(parse_account, texts))
    except ValueError as error:
        raise SettingsError(f"{where}: accounts has {str(error)[:100]!r}; {expected}") from None
