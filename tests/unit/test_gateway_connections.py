"""The connections file: what is refused and how it is said, and how a changed file comes into force."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.gateway.connections import Connections, load

GOOD = '[connections.page]\nplatform = "facebook"\nsecrets = ["newest-secret", "older-secret"]\naccounts = ["1", 2]\n'


def write(folder: Path, text: str) -> Path:
    """The file with this text. Another length each time, so that no clock's grain hides the change."""
    file = folder / "connections.toml"
    file.write_text(text)
    return file


def test_a_connection_has_what_the_file_says(tmp_path: Path) -> None:
    """Secrets newest first; ids are strings, however they are written."""
    found, _ = load(write(tmp_path, GOOD))
    page = found["page"]
    assert (page.platform, page.scheme, page.accounts) == ("facebook", "meta", frozenset({"1", "2"}))
    assert [secret.reveal() for secret in page.secrets] == ["newest-secret", "older-secret"]
    assert "secret" not in repr(page).replace("Secret(***)", "").replace("secrets=", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "has no connection"),
        ("[connections.page", "is no TOML"),
        (
            '[connections.page]\nplatform = "myspace"',
            "connection 'page': platform is 'myspace'; expected one of facebook",
        ),
        ("[connections.page]\nplatform = 7", "platform is 7; expected one of facebook"),
        ('[connections.page]\nsecrets = ["hush"]', "platform is missing; expected one of facebook"),
        (
            '[connections.page]\nplatform = "facebook"\nsecrets = ["s"]\nquestions = "no"',
            "questions is 'no'; expected true",
        ),
        ('[connections.page]\nplatform = "facebook"', "connection 'page': secrets; expected one at least"),
        ('[connections.page]\nplatform = "facebook"\nsecrets = [""]', "secrets; expected one at least, and none empty"),
        ('[connections.page]\nplatform = "facebook"\nsecret = "hush"', "unknown key 'secret'"),
        ('[connections.page]\nplatform = "facebook"\nsecrets = "hush"', "secrets; expected a list of strings"),
        (
            '[connections.page]\nplatform = "facebook"\nscheme = "x"\nsecrets = ["hush"]',
            "scheme is 'x'; expected one of meta",
        ),
        ('[connections."a/b"]\nplatform = "x"\nsecrets = ["hush"]', "expected a name of letters"),
        ('[connections.own]\nplatform = "standardwebhooks"\nsecrets = ["hush!"]', "expected 'whsec_' and base64"),
        ('[connections.page]\nplatform = "facebook"\nsecret_files = ["gone"]', "secret_files; expected"),
        (
            '[connections.page]\nplatform = "facebook"\nsecrets = ["hush"]\naccounts = [1.5]',
            "accounts; expected a list",
        ),
    ],
)
def test_a_broken_file_is_refused_by_name_and_without_its_secrets(tmp_path: Path, text: str, expected: str) -> None:
    """The message names file, connection, key and expectation."""
    with pytest.raises(SettingsError) as refused:
        load(write(tmp_path, text))
    assert expected in str(refused.value)
    assert "connections.toml" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With the name of the setting."""
    with pytest.raises(SettingsError, match="TWOWAY_CONNECTIONS_FILE"):
        Connections(tmp_path / "connections.toml")


def test_a_changed_file_is_in_force_without_a_restart(tmp_path: Path) -> None:
    """New connections come, old ones go; a secret file counts as a part of it."""
    connections = Connections(write(tmp_path, GOOD))
    (tmp_path / "secret").write_text("first\n")
    write(tmp_path, '[connections.other]\nplatform = "x"\nsecret_files = ["secret"]')
    connections.refresh()
    assert connections.get("page") is None
    (tmp_path / "secret").write_text("another\n")
    connections.refresh()
    other = connections.get("other")
    assert other is not None
    assert [secret.reveal() for secret in other.secrets] == ["another"]


def test_a_broken_change_leaves_the_old_connections_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a file, or none, must not close the door to every platform."""
    connections = Connections(write(tmp_path, GOOD))
    write(tmp_path, GOOD + "[connections.")
    with caplog.at_level(logging.WARNING):
        connections.refresh()
        connections.refresh()
    assert connections.get("page") is not None
    assert len(caplog.records) == 1
    (tmp_path / "connections.toml").unlink()
    connections.refresh()
    assert connections.get("page") is not None
    write(tmp_path, GOOD.replace("page", "mended-page"))
    connections.refresh()
    assert connections.get("mended-page") is not None
