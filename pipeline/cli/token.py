"""`twoway token`: makes a token of the API, and the lines of the access file that let it in."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipeline.errors import QueryError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("token")(token)


def token(
    name: Annotated[
        str | None, typer.Argument(help="What it is called in the access file; left out: a hash only.")
    ] = None,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="PLATFORM:ID", help="May be read; repeatable.")
    ] = None,
    all_accounts: Annotated[
        bool, typer.Option("--all", help="All accounts may be read, also those that come.")
    ] = False,
    operations: Annotated[bool, typer.Option("--operations", help="/metrics may be read as well.")] = False,
) -> None:
    """Make a token: standard output gets the lines for TWOWAY_API_ACCESS_FILE, standard error the token, this once."""
    from pipeline.api.tokens import hash_token, make_token

    accounts = account or []
    if name is None:
        if accounts or all_accounts or operations:
            raise QueryError("what may be read is given without a name; expected a NAME for the token")
    elif (accounts and all_accounts) or not (accounts or all_accounts or operations):
        raise QueryError("what may be read is not clear; expected --account, or --all, or --operations alone")
    made = make_token()
    digest = hash_token(made).hex()
    text = f'"{digest}"\n' if name is None else _table(name, digest, None if all_accounts else accounts, operations)
    sys.stdout.write(text)
    sys.stdout.flush()
    sys.stderr.write(f"the token, shown this once: {made}\n")


def _table(name: str, digest: str, accounts: list[str] | None, operations: bool) -> str:
    """A table of the file that the API will take; `accounts` None: all of them. Raises SettingsError, QueryError."""
    from pipeline.api.access_file import check_name, parse_account

    check_name(name)
    for text in accounts or ():
        try:
            parse_account(text)
        except ValueError:
            raise QueryError(f"--account is {text[:100]!r}; expected one such as facebook:1234567890") from None
    lines = [
        f"[tokens.{_quoted(name) if '.' in name else name}]",
        f'sha256 = ["{digest}"]',
        f"accounts = [{', '.join(map(_quoted, ['*'] if accounts is None else accounts))}]",
    ]
    return "\n".join([*lines, *(["operations = true"] if operations else [])]) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML: what JSON escapes is escaped there the same way, and DEL besides."""
    import json

    return json.dumps(text, ensure_ascii=True).replace("\x7f", "\\u007f")
