"""A URL of Redis is looked at when settings are read, and never shown with what may be a secret."""

from __future__ import annotations

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import Settings
from tests.commands import twoway


@pytest.mark.parametrize(
    "url",
    [
        "foo://x",
        "127.0.0.1:6379",
        "localhost",
        "",
        "redis://127.0.0.1:abc",
        "redis://127.0.0.1:0",
        "redis://127.0.0.1:65536",
        "redis://[::1",
        "redis://localhost/db",
        "redis://a:1,b:2",
        "unix://",
    ],
)
def test_what_leads_to_no_redis_is_refused_when_settings_are_read(url: str) -> None:
    """With the value, and what would do."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"TWOWAY_REDIS_URL": url})
    assert str(refused.value) == (
        f"TWOWAY_REDIS_URL is {url!r}; expected redis://HOST:PORT/DB, rediss://... with TLS, "
        "redis+cluster://HOST:PORT,HOST:PORT, or unix://PATH"
    )


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("foo://ann:hunter2@x", "foo://***@x"),
        ("foo://:hunter2@x", "foo://***@x"),
        ("ann:hunter2@x:6379", "***@x:6379"),
        ("redis://:hun#hunter2@x:6379", "redis://***@x:6379"),
        ("ann:hunter2://x@x:6379", "***@x:6379"),
        ("hunter2", "***"),
        ("redis://x:abc?password=hunter2&db=1", "redis://x:abc?***"),
        ("redis://x:abc?password=a@hunter2", "redis://***@***"),
        ("redis+cluster://:hunter2@a:1,b:c", "redis+cluster://***@a:1,b:c"),
    ],
)
def test_a_refused_url_shows_no_password(url: str, shown: str) -> None:
    """Wherever in it somebody put one."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"TWOWAY_REDIS_URL": url})
    assert str(refused.value).startswith(f"TWOWAY_REDIS_URL is {shown!r}; expected ")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("words", [("top",), ("worker",), ("api",), ("account", "facebook:1")], ids=" ".join)
def test_a_command_with_a_wrong_url_of_redis_ends_with_one_line(words: tuple[str, ...]) -> None:
    done = twoway(*words, TWOWAY_REDIS_URL="foo://:hunter2@x")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("twoway: TWOWAY_REDIS_URL is 'foo://***@x'; expected redis://HOST:PORT/DB, ")
    assert done.stderr.count("\n") == 1
