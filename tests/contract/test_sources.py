"""Every source against every payload of the corpus, through the commands that scripts use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pipeline.cli import webhooks
from tests.contract.corpus import PAYLOADS, Case, cases, mismatch, vectors

app = typer.Typer()
webhooks.register(app)

SIGNED = [vector for vector in vectors() if vector["body"] is not None]
HANDSHAKES = [vector for vector in vectors() if vector["body"] is None]
#: A platform that answers the handshake of each kind.
HANDSHAKE_PLATFORMS = {
    "meta-handshake": "facebook",
    "cloudevents-handshake": "cloudevents",
    "websub-handshake": "youtube",
}


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=stdin)


def normalise(case: Case, tmp_path: Path) -> list[dict[str, Any]]:
    """The outcomes of `twoway normalise` in the circumstances of the case."""
    expected = case.expected
    connection = expected.get("connection", {})
    options = [f"--header={name}: {value}" for name, value in expected["headers"].items()]
    options.append(f"--header=Content-Type: {expected['content_type']}")
    options += [f"--account={connection['account']}"] if "account" in connection else []
    options += [f"--brand-actor={actor}" for actor in connection.get("brand_actors", ())]
    if "directory" in expected:
        known = tmp_path / "known.json"
        known.write_text(json.dumps(expected["directory"]))
        options += ["--known", str(known)]
    result = run("normalise", expected["platform"], str(case.file), *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_payload_yields_exactly_its_records(case: Case, tmp_path: Path) -> None:
    """Each interaction of the corpus comes out once, in whatever order, and each other item with its reason."""
    lines = normalise(case, tmp_path)
    records = {line["interaction"]["id"]: line["interaction"] for line in lines if "interaction" in line}
    expected = {record["id"]: record for record in case.expected["interactions"]}
    assert records.keys() == expected.keys()
    assert {key: mismatch(records[key], expected[key]) for key in expected} == {key: [] for key in expected}
    ignored = sorted(line["ignored"] for line in lines if "ignored" in line)
    assert ignored == sorted(entry["reason"] for entry in case.expected["ignored"])
    assert len(lines) == len(expected) + len(ignored)


@pytest.mark.parametrize("vector", SIGNED, ids=lambda vector: str(vector["name"]))
def test_a_signature_vector_is_accepted_or_refused_as_it_must_be(vector: dict[str, Any], tmp_path: Path) -> None:
    """Exit code 0 for a valid vector, 3 for any other."""
    options = [f"--header={name}: {value}" for name, value in vector["headers"].items()]
    options += [f"--{name}={vector[name]}" for name in ("now", "secret", "request") if vector.get(name)]
    if "public_key_pem" in vector:
        (tmp_path / "key.pem").write_text(vector["public_key_pem"])
        options += ["--public-key", str(tmp_path / "key.pem")]
    result = run("verify-signature", vector["scheme"], *options, stdin=vector["body"])
    assert result.exit_code == (0 if vector["valid"] else 3), result.output


@pytest.mark.parametrize("vector", HANDSHAKES, ids=lambda vector: str(vector["name"]))
def test_a_handshake_vector_is_answered_as_it_must_be(vector: dict[str, Any]) -> None:
    """Status, headers and body as the vector says; a refusal exits with 3 and does not echo the challenge."""
    platform = HANDSHAKE_PLATFORMS[vector["scheme"]]
    method, target = vector["request"].split(" ")
    options = [f"--header={name}: {value}" for name, value in vector.get("request_headers", {}).items()]
    options += ["--verify-token", vector["verify_token"]] if "verify_token" in vector else []
    options += ["--account", vector["account"]] if "account" in vector else []
    query = ["--query", target.partition("?")[2], "--method", method]
    result = run("handshake", platform, *query, "--include", *options)
    head, _, body = result.stdout.partition("\n\n")
    assert f" {vector['response_status']} " in head.splitlines()[0]
    assert result.exit_code == (0 if vector["valid"] else 3)
    assert body == vector.get("response_body", body)
    assert "1158201444" not in body or vector["valid"]
    answered = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    wanted = vector.get("response_headers", {})
    assert {name: answered.get(name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("address", "code"), [("/webhooks/blog/the-secret", 0), ("/webhooks/blog", 3), ("/the-secret", 3)]
)
def test_a_secret_in_the_address_is_taken_from_the_request(address: str, code: int) -> None:
    """What follows the connection's name."""
    result = run("verify-signature", "path", "--secret=the-secret", f"--request=POST {address}", stdin="hook=x")
    assert result.exit_code == code


def test_x_answers_a_challenge_with_its_hmac() -> None:
    """The value is the HMAC-SHA256 of `1` under `test`, base64, computed with another program."""
    result = run("handshake", "x", "--query", "crc_token=1", "--secret", "test")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"response_token": "sha256=E8d5+qHvtoRa81DxWMn1MgOyHoaIIEARCHxdA33Dyqw="}


@pytest.mark.parametrize("token", ['{"for_user_id":"1"}', "a" * 600, "", '["x"]'])
def test_x_signs_nothing_that_could_be_a_delivery(token: str) -> None:
    """A challenge is chosen by whoever asks: the signature of a body must not be had for asking."""
    result = run("handshake", "x", "--query", f"crc_token={token}", "--secret", "test")
    assert result.exit_code == 3
    assert "sha256=" not in result.output


def test_a_platform_without_handshake_refuses() -> None:
    """Standard Webhooks have none."""
    assert run("handshake", "standardwebhooks").exit_code == 3


def test_an_account_that_is_not_ours_is_told_apart_in_both_spellings_of_the_option() -> None:
    """`--account=A` and `--account A` are the same."""
    file = str(PAYLOADS / "facebook-comment-add.json")
    for options in (["--account=42"], ["--account", "42"]):
        result = run("normalise", "facebook", file, *options)
        assert result.stdout == '{"ignored":"not_ours"}\n'
