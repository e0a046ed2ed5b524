"""HTTP signatures in both forms: what must be signed, how old it may be, which keys are taken, what no input may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RefusedError
from pipeline.sources.activitypub import ActivityPub
from pipeline.sources.delivery import Connection, Delivery, join_headers
from pipeline.sources.http_signatures import TOLERANCE_S, load_key, verify
from tests.http_signing import CAVAGE, RFC, cavage, public_pem, rfc9421

NOW_S = 1_784_900_000
BOB = "https://other.example/users/bob"
BODY = json.dumps({"id": f"{BOB}#likes/1", "type": "Like", "actor": BOB, "object": "https://a.example/1"}).encode()
FORMS = pytest.mark.parametrize("form", [cavage, rfc9421])
Form = Callable[..., dict[str, str]]


def signed(form: Form, body: bytes = BODY, **options: Any) -> Delivery:
    """A delivery to `/webhooks/inbox?a=b` under bob's key."""
    options = {"key_id": f"{BOB}#main-key", "key": "bob", "now_s": NOW_S, **options}
    headers = form(body, "/webhooks/inbox?a=b", **options)
    return Delivery(body, join_headers(headers.items()), path="/webhooks/inbox", query="a=b")


def refusal(delivery: Delivery, pem: str | None = None, now_s: float = NOW_S) -> str | None:
    """Why a delivery is refused, None where it is accepted."""
    try:
        verify(delivery, pem or public_pem("bob"), now_s)
    except RefusedError as error:
        return error.reason
    return None


def changed(delivery: Delivery, **headers: str) -> Delivery:
    return replace(delivery, headers={**delivery.headers, **{k.replace("_", "-"): v for k, v in headers.items()}})


@FORMS
def test_what_bob_signed_is_accepted_under_his_key_alone(form: Form) -> None:
    """Twelve hours both ways, and not a second more."""
    delivery = signed(form)
    assert refusal(delivery) is None
    assert refusal(delivery, public_pem("ann")) == "wrong_signature"
    for seconds in (-TOLERANCE_S, TOLERANCE_S):
        assert refusal(delivery, now_s=NOW_S + seconds) is None
        assert refusal(delivery, now_s=NOW_S + seconds * 1.001) == "time_outside_tolerance"


@FORMS
def test_nothing_that_was_signed_can_be_changed(form: Form) -> None:
    """Another body, address, method or host needs another signature."""
    delivery = signed(form)
    assert refusal(replace(delivery, body=BODY + b" ")) == "wrong_digest"
    for other in (
        replace(delivery, path="/webhooks/other"),
        replace(delivery, query=""),
        replace(delivery, method="PUT"),
        changed(delivery, host="other.example"),
    ):
        assert refusal(other) == "wrong_signature"


@pytest.mark.parametrize("missing", CAVAGE)
def test_draft_cavage_must_cover_target_host_date_and_digest(missing: str) -> None:
    """What is not covered could be exchanged."""
    names = [name for name in CAVAGE if name != missing]
    assert refusal(signed(cavage, names=names)) == "too_little_signed"


@pytest.mark.parametrize("missing", RFC)
def test_rfc_9421_must_cover_method_target_and_content(missing: str) -> None:
    """The same there."""
    names = [name for name in RFC if name != missing]
    assert refusal(signed(rfc9421, names=names)) == "too_little_signed"


def test_other_forms_of_the_same_are_taken() -> None:
    """The target in parts, (created) instead of a Date, more headers, a stated algorithm."""
    parts = ("@method", "@authority", "@path", "@query", "content-digest", "content-type")
    assert refusal(signed(rfc9421, names=parts)) is None
    assert refusal(signed(rfc9421, more=';alg="rsa-v1_5-sha256";tag="a"')) is None
    created = {"created": str(NOW_S), "algorithm": "hs2019"}
    names = ("(request-target)", "host", "(created)", "digest", "content-type")
    assert refusal(signed(cavage, names=names, parameters=created)) is None
    assert refusal(signed(cavage, parameters={"algorithm": "rsa-sha256"})) is None


@pytest.mark.parametrize(
    ("delivery", "reason"),
    [
        (signed(cavage, parameters={"algorithm": "hmac-sha256"}), "unknown_algorithm"),
        (signed(rfc9421, more=';alg="hmac-sha256"'), "unknown_algorithm"),
        (signed(rfc9421, more=f";expires={NOW_S - 1}"), "time_outside_tolerance"),
        (signed(cavage, names=(*CAVAGE, "host")), "malformed_signature"),
        (signed(rfc9421, names=(*RFC, "@method")), "malformed_signature"),
        (changed(signed(cavage), date="yesterday"), "malformed_timestamp"),
        (changed(signed(cavage), digest="MD5=x"), "missing_digest"),
        (changed(signed(rfc9421), content_digest="sha-256=x"), "missing_digest"),
        (changed(signed(cavage), signature="a" * 10_000), "malformed_signature"),
        (changed(signed(cavage), signature='keyId="a",keyId="b"'), "malformed_signature"),
        (changed(signed(cavage), signature=""), "missing_signature"),
        (changed(signed(rfc9421), signature="sig2=:AAAA:"), "malformed_signature"),
        (changed(signed(rfc9421), signature_input="sig1=();created=1"), "malformed_signature"),
    ],
)
def test_a_signature_that_says_too_little_or_too_much_is_refused(delivery: Delivery, reason: str) -> None:
    """Each with its own word."""
    assert refusal(delivery) == reason


def test_a_header_that_is_signed_must_be_there() -> None:
    """Nothing stands in for it."""
    delivery = signed(cavage, names=(*CAVAGE, "content-type"))
    without = {name: value for name, value in delivery.headers.items() if name != "content-type"}
    assert refusal(replace(delivery, headers=without)) == "malformed_signature"


def test_only_rsa_keys_of_a_safe_size_are_keys() -> None:
    """Neither short ones, nor other kinds, nor texts."""
    load_key(public_pem("bob"))
    other_kind = Ed25519PrivateKey.generate().public_key()
    ed25519 = other_kind.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for pem in (public_pem("short"), ed25519, "", "x" * 9000, public_pem("bob").replace("M", "A", 1)):
        with pytest.raises(RefusedError, match="malformed_key"):
            load_key(pem)


@given(
    name=st.sampled_from(["signature", "signature-input", "date", "digest", "content-digest", "host"]),
    junk=st.text(max_size=80)
    | st.from_regex(r'[a-z]+=("[a-z() ;=,:]*"|[0-9]+|\(("[a-z@-]+" ?)*\))([;,][a-z]+=[^ ]*)*'),
    form=st.sampled_from([cavage, rfc9421]),
)
def test_junk_in_a_header_is_refused_and_raises_nothing_else(name: str, junk: str, form: Form) -> None:
    """Unless it is what stood there."""
    delivery = signed(form)
    other = changed(delivery, **{name.replace("-", "_"): junk})
    unsigned = (name in {"date", "digest"} and form is rfc9421) or (name == "content-digest" and form is cavage)
    assert unsigned or delivery.headers.get(name) == junk or refusal(other) is not None


CONNECTION = Connection("inbox", "activitypub", "http-signature", accounts=frozenset({"https://a.example/users/a"}))


@FORMS
def test_an_actor_is_verified_with_his_own_key(form: Form) -> None:
    """The address of the key is what is wanted; with it, or with a configured one, he is believed."""
    source, delivery = ActivityPub(), signed(form)
    assert source.wanted_key(delivery, CONNECTION, NOW_S) == f"{BOB}#main-key"
    known = replace(CONNECTION, public_keys={BOB: public_pem("bob")})
    assert source.wanted_key(delivery, known, NOW_S) is None
    source.verify(delivery, known, NOW_S)


def test_nobody_speaks_for_somebody_else() -> None:
    """Neither under a key of another server, nor under that of another actor of the same one."""
    source = ActivityPub()
    elsewhere = signed(cavage, key_id="https://evil.example/users/bob#main-key")
    with pytest.raises(RefusedError, match="foreign_key"):
        source.wanted_key(elsewhere, CONNECTION, NOW_S)
    neighbour = replace(CONNECTION, public_keys={"https://other.example/users/ann": public_pem("bob")})
    with pytest.raises(RefusedError, match="foreign_key"):
        source.verify(signed(cavage), neighbour, NOW_S)


def test_no_key_is_wanted_for_what_is_refused_anyway() -> None:
    """Too old, changed on its way, too large, without an actor, or where keys are not to be fetched."""
    source = ActivityPub()
    for delivery, now_s, reason in (
        (signed(cavage), NOW_S + 2 * TOLERANCE_S, "time_outside_tolerance"),
        (replace(signed(cavage), body=b"{}"), NOW_S, "wrong_digest"),
        (signed(cavage, b" " * 1_000_001), NOW_S, "body_too_large"),
        (signed(cavage, b"[]"), NOW_S, "no_actor"),
    ):
        with pytest.raises(RefusedError, match=reason):
            source.wanted_key(delivery, CONNECTION, now_s)
    with pytest.raises(RefusedError, match="unknown_key"):
        source.wanted_key(signed(cavage), replace(CONNECTION, fetch_keys=False), NOW_S)


def test_of_an_actor_who_is_gone_only_his_erasure_is_believed() -> None:
    """His own server said that he is gone; there is no key any more that could sign it."""
    source, gone = ActivityPub(), replace(CONNECTION, public_keys={BOB: ""})
    with pytest.raises(RefusedError, match="actor_gone"):
        source.verify(signed(cavage), gone, NOW_S)
    erasure = json.dumps({"id": f"{BOB}#delete", "type": "Delete", "actor": BOB, "object": BOB}).encode()
    source.verify(signed(cavage, erasure), gone, NOW_S)
