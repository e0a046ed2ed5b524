"""Settings of TLS, users and secrets: what does not fit together or cannot be read is refused; no secret is shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from pipeline.access.kafka import kafka_security
from pipeline.access.redis import redis_security
from pipeline.errors import SettingsError
from pipeline.logs import OUR_SERVICES, OURS, set_up_logs
from pipeline.settings import FILE_CHARACTERS_MAX, Secret, Settings
from tests.secured import Authority

SECRET = "0123456789abcdef0123456789abcdef"


def test_every_secret_can_stand_in_a_file(tmp_path: Path) -> None:
    """`NAME_FILE`, without the newline that editors put at the end."""
    file, url = tmp_path / "secret", tmp_path / "url"
    file.write_text(SECRET + "\n")
    url.write_text("redis://:hunter2@localhost\n")
    assert Settings.from_env({"TWOWAY_REDIS_URL_FILE": str(url)}).redis_url.reveal() == "redis://:hunter2@localhost"
    names = [name for name, value in vars(Settings()).items() if isinstance(value, Secret)]
    assert {"redis_url", "redis_password", "kafka_password", "actor_key", "alert_secret", "api_tokens"} <= {*names}
    for name in names:
        if name in {"redis_url", "redis_password", "kafka_password", "kafka_key_password", "redis_key_password"}:
            continue  # no secret alone: above; they need others beside them: below
        assert getattr(Settings.from_env({f"TWOWAY_{name.upper()}_FILE": str(file)}), name).reveal() == SECRET


@pytest.mark.parametrize(
    ("servers", "shown"),
    [
        ("localhost:abc", "localhost:abc"),
        ("a:9092,b:0", "b:0"),
        ("a:70000", "a:70000"),
        ("kafka://a:9092", "kafka://a:9092"),
        ("ann:hunter2@a:9092", "a:9092"),
        (",", ""),
        (":9092", ":9092"),
    ],
)
def test_a_server_of_kafka_that_is_none_is_refused_when_settings_are_read(servers: str, shown: str) -> None:
    """A client would end with a stack trace; what may be a password is left out."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({"TWOWAY_KAFKA_SERVERS": servers})
    assert str(refused.value) == (
        f"TWOWAY_KAFKA_SERVERS has {shown!r}; expected host:port, several with commas between"
    )
    assert Settings.from_env({"TWOWAY_KAFKA_SERVERS": "a:9092, [::1]:9093,b"}).kafka_servers[1] == "[::1]:9093"


def test_the_users_of_kafka_and_redis_come_from_files(tmp_path: Path) -> None:
    """As a mounted secret; the name may stand in one as well."""
    (tmp_path / "user").write_text("worker\n")
    (tmp_path / "password").write_text(SECRET)
    user, password = str(tmp_path / "user"), str(tmp_path / "password")
    settings = Settings.from_env(
        {
            "TWOWAY_KAFKA_SASL": "scram-sha-512",
            "TWOWAY_KAFKA_USERNAME_FILE": user,
            "TWOWAY_KAFKA_PASSWORD_FILE": password,
            "TWOWAY_REDIS_USERNAME": "worker",
            "TWOWAY_REDIS_PASSWORD_FILE": password,
        }
    )
    assert kafka_security(settings) == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": SECRET,
    }
    assert redis_security(settings) == {"username": "worker", "password": SECRET}
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "expected a file of 1 to"),
        (b" \n", "expected a file of 1 to"),
        (b"a" * (FILE_CHARACTERS_MAX + 1), "expected a file of 1 to"),
        (b"secret\xff", "expected a file of UTF-8 text"),
    ],
)
def test_a_secret_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    """An emptied file must not turn a secret off; the message names the file, never what it holds."""
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(SettingsError, match=expected) as caught:
        Settings.from_env({"TWOWAY_ACTOR_KEY_FILE": str(file)})
    assert f"TWOWAY_ACTOR_KEY_FILE is '{file}'" in str(caught.value)
    assert "secret\\xff" not in str(caught.value)


def test_a_secret_and_its_file_are_not_given_both(tmp_path: Path) -> None:
    """Nobody would know which holds; a variable that is empty, as compose files leave it, is not given."""
    file = tmp_path / "secret"
    file.write_text(SECRET)
    both = {"TWOWAY_ACTOR_KEY": "x" * 32, "TWOWAY_ACTOR_KEY_FILE": str(file)}
    for environ in (both, dict(reversed(both.items()))):
        with pytest.raises(SettingsError, match="TWOWAY_ACTOR_KEY_FILE and TWOWAY_ACTOR_KEY are both given"):
            Settings.from_env(environ)
        assert Settings.from_env(environ | {"TWOWAY_ACTOR_KEY": ""}).actor_key.reveal() == SECRET


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"KAFKA_CA_FILE": "ca.pem"}, "TWOWAY_KAFKA_TLS is false, but certificates for it are given"),
        ({"KAFKA_TLS": "true", "KAFKA_CERT_FILE": "c"}, "KAFKA_CERT_FILE is given without TWOWAY_KAFKA_KEY_FILE"),
        ({"REDIS_URL": "rediss://r", "REDIS_KEY_FILE": "k"}, "REDIS_KEY_FILE is given without TWOWAY_REDIS_CERT_FILE"),
        ({"REDIS_CA_FILE": "ca.pem"}, "TWOWAY_REDIS_URL is without TLS"),
        ({"REDIS_USERNAME": "worker"}, "without TWOWAY_REDIS_PASSWORD"),
        ({"REDIS_URL": "redis://:a@r", "REDIS_PASSWORD": SECRET}, "TWOWAY_REDIS_URL names a user"),
        ({"REDIS_URL": "redis://r/0?password=a", "REDIS_PASSWORD": SECRET}, "TWOWAY_REDIS_URL names a user"),
        ({"KAFKA_USERNAME": "alice", "KAFKA_PASSWORD": SECRET}, "TWOWAY_KAFKA_SASL is 'none'"),
        ({"KAFKA_SASL": "scram-sha-256", "KAFKA_USERNAME": "alice"}, "without TWOWAY_KAFKA_USERNAME or TWOWAY"),
        ({"KAFKA_SASL": "gssapi"}, "expected one of none, plain, scram-sha-256, scram-sha-512"),
        (
            {
                "KAFKA_SASL": "plain",
                "KAFKA_USERNAME": "a",
                "KAFKA_PASSWORD": SECRET,
                "KAFKA_SERVERS": "localhost:1,kafka:2",
            },
            "sends the password in clear text",
        ),
    ],
)
def test_settings_that_would_have_no_effect_or_a_wrong_one_are_refused(given: dict[str, str], message: str) -> None:
    """Nobody believes in a certificate that is never looked at, and no password goes out in clear text."""
    with pytest.raises(SettingsError, match=message) as caught:
        Settings.from_env({f"TWOWAY_{name}": value for name, value in given.items()})
    assert SECRET not in str(caught.value)


def test_plain_without_tls_stays_on_this_machine() -> None:
    """A broker of one's own may be tried without certificates."""
    settings = Settings(
        kafka_servers=("127.0.0.1:9092", "[::1]:9092"),
        kafka_sasl="plain",
        kafka_username="a",
        kafka_password=Secret(SECRET),
    )
    assert kafka_security(settings)["security_protocol"] == "SASL_PLAINTEXT"


def test_certificates_that_do_not_serve_are_named(tmp_path: Path) -> None:
    """The setting, the file and the reason; a wrong password of a key is not shown, and nobody is asked for one."""
    authority = Authority(tmp_path / "ca")
    certificate, key = map(str, authority.issue("client", SECRET))
    (tmp_path / "none.pem").write_text("no certificate")
    missing, none, ca = str(tmp_path / "missing.pem"), str(tmp_path / "none.pem"), str(authority.file)
    for given, message in (
        ({"kafka_ca_file": missing}, "TWOWAY_KAFKA_CA_FILE is .*missing.pem'; expected .*No such file"),
        ({"kafka_ca_file": none}, "TWOWAY_KAFKA_CA_FILE is .*none.pem'; expected readable certificates"),
        ({"kafka_cert_file": certificate, "kafka_key_file": key}, "TWOWAY_KAFKA_KEY_PASSWORD"),
        ({"kafka_cert_file": ca, "kafka_key_file": key, "kafka_key_password": Secret(SECRET)}, "key values mismatch"),
    ):
        with pytest.raises(SettingsError, match=message) as caught:
            kafka_security(Settings(kafka_tls=True, **given))
        assert SECRET not in str(caught.value)
        redis_given = {name.replace("kafka_", "redis_"): value for name, value in given.items()}
        with pytest.raises(SettingsError, match=message.replace("KAFKA", "REDIS")):
            redis_security(Settings(redis_url=Secret("rediss://r"), **redis_given))


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Puts back what `set_up_logs` changes."""
    loggers = [logging.getLogger(), *map(logging.getLogger, (OURS, *OUR_SERVICES))]
    levels, handlers = [logger.level for logger in loggers], [*loggers[0].handlers]
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("library", ["aiokafka.conn", "websockets.client", "httpcore.http11", "redis", "unheard.of"])
def test_a_library_s_debug_lines_are_never_logged(capsys: pytest.CaptureFixture[str], library: str) -> None:
    """aiokafka's hold the bytes of a login, the password among them; websockets' tokens and people's texts. Nobody has
    to know the library for that."""
    set_up_logs(Settings(log_level="debug"))
    for level in (logging.DEBUG, logging.INFO, logging.WARNING):
        logging.getLogger(library).log(level, "sasl_auth_bytes=%s", SECRET)
    logging.getLogger(library).error("told of %s", library)
    logging.getLogger("twoway.worker").debug("shown")
    told = capsys.readouterr().err
    assert "shown" in told
    assert f"told of {library}" in told
    assert SECRET not in told


@pytest.mark.usefixtures("logging_as_before")
def test_the_token_of_a_listener_s_websocket_is_never_logged(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    """Mastodon's access token is in the handshake, which websockets logs at debug."""
    set_up_logs(Settings(log_level="debug"))
    logger = logging.getLogger("websockets.client")
    request.addfinalizer(lambda: logger.setLevel(logging.NOTSET))
    for level in (logging.NOTSET, logging.DEBUG):
        logger.setLevel(level)
        protocol = ClientProtocol(parse_uri("wss://mastodon.example/api/v1/streaming?stream=user"))
        handshake = protocol.connect()
        handshake.headers["Authorization"] = f"Bearer {SECRET}"
        protocol.send_request(handshake)
    logging.getLogger("twoway.listener").debug("shown")
    told = capsys.readouterr().err
    assert "shown" in told
    assert SECRET not in told
