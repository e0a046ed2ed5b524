"""Signature schemes: a dictionary of functions that accept a delivery or raise RefusedError.

All compute over the raw bytes and compare in constant time. Nothing of a secret or a signature is ever in a message.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence

from pipeline.errors import RefusedError
from pipeline.settings import Secret
from pipeline.sources import http_signatures, tokens
from pipeline.sources.delivery import Delivery

#: Accepts (returns) or refuses (raises RefusedError) a delivery under one secret at a Unix time in seconds.
Scheme = Callable[[Delivery, str, float], None]

#: Standard Webhooks' own library: five minutes both ways.
STANDARD_TOLERANCE_S = 300
#: TikTok leaves the size to the receiver. It repeats for 72 h and does not say whether with a new time; a delivery that
#: somebody plays back counts for nothing new, so the window may be wide.
TIKTOK_TOLERANCE_S = 3600
#: The W3C's list. Google's hub still names sha1.
WEBSUB_METHODS = frozenset({"sha1", "sha256", "sha384", "sha512"})
#: Real challenges are some 50 letters and digits.
LONGEST_CHALLENGE = 512
#: No JSON, XML or form of use can do without one of these.
_BODY_SIGNS = frozenset('{}[]<>"&')


def verify(scheme: str, delivery: Delivery, secrets: Sequence[Secret], now_s: float) -> None:
    """Accept the delivery if any one of the secrets fits (rotation). Raises RefusedError; no secret at all refuses."""
    check = SCHEMES[scheme]
    reason = "no_secret"
    for secret in secrets:
        if not secret:
            continue
        try:
            check(delivery, secret.reveal(), now_s)
        except RefusedError as error:
            reason = error.reason  # not the error: its frames hold this one, and the body
        else:
            return
    raise RefusedError(reason)


def meta(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 over the body."""
    _hex_hmac(delivery, "x-hub-signature-256", "sha256", secret)


def meta_legacy(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Hub-Signature: sha1=<hex>`, HMAC-SHA1 over the body: what Meta sent before."""
    _hex_hmac(delivery, "x-hub-signature", "sha1", secret)


def x(delivery: Delivery, secret: str, now_s: float) -> None:
    """`x-twitter-webhooks-signature: sha256=<base64>`, HMAC-SHA256 over the body."""
    given = _prefixed(delivery, "x-twitter-webhooks-signature", "sha256=")
    _refuse_challenge(delivery.body)
    _compare(base64.b64encode(hmac.digest(secret.encode(), delivery.body, "sha256")), given)


def standardwebhooks(delivery: Delivery, secret: str, now_s: float) -> None:
    """`webhook-signature`: one of its `v1,<base64>` fits HMAC-SHA256 over `id.timestamp.body`, not older than 5 min."""
    message_id, stamp, given = (
        _header(delivery, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    _check_time(stamp, now_s, STANDARD_TOLERANCE_S)
    signed = b"%s.%s.%s" % (message_id.encode(), stamp.encode(), delivery.body)
    expected = base64.b64encode(hmac.digest(standard_key(secret), signed, "sha256"))
    versions = [part.partition(",") for part in given.split(" ")]
    # Every one is compared, so that the time taken does not tell which of them fits.
    fits = [hmac.compare_digest(expected, sent.encode()) for version, _, sent in versions if version == "v1"]
    if not any(fits):
        raise RefusedError("wrong_signature" if fits else "malformed_signature")


def linkedin(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-LI-Signature: <hex>`, HMAC-SHA256 over `hmacsha256=` and the body: the prefix is signed, not sent."""
    given, signed = _header(delivery, "x-li-signature"), b"hmacsha256=" + delivery.body
    _refuse_challenge(signed)
    _compare(hmac.digest(secret.encode(), signed, "sha256").hex().encode(), given.lower())


def tiktok(delivery: Delivery, secret: str, now_s: float) -> None:
    """`TikTok-Signature: t=<seconds>,s=<hex>`, HMAC-SHA256 over `<seconds>.` and the body."""
    parts = dict(part.partition("=")[::2] for part in _header(delivery, "tiktok-signature").split(","))
    stamp, given = parts.get("t", "").strip(), parts.get("s", "").strip()
    if not given:
        raise RefusedError("malformed_signature")
    _check_time(stamp, now_s, TIKTOK_TOLERANCE_S)
    signed = b"%s.%s" % (stamp.encode(), delivery.body)
    _compare(hmac.digest(secret.encode(), signed, "sha256").hex().encode(), given.lower())


def discourse(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Discourse-Event-Signature: sha256=<hex>`, HMAC-SHA256 over the body."""
    _hex_hmac(delivery, "x-discourse-event-signature", "sha256", secret)


def mastodon(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Hub-Signature: sha256=<hex>`, HMAC-SHA256 over the body."""
    _hex_hmac(delivery, "x-hub-signature", "sha256", secret)


def websub(delivery: Delivery, secret: str, now_s: float) -> None:
    """`X-Hub-Signature: <method>=<hex>`, the HMAC over the body with the method that the hub names."""
    method = _header(delivery, "x-hub-signature").partition("=")[0].lower()
    if method not in WEBSUB_METHODS:
        raise RefusedError("malformed_signature")
    _hex_hmac(delivery, "x-hub-signature", method, secret)


def http_signature(delivery: Delivery, public_key: str, now_s: float) -> None:
    """`Signature` by the public key (PEM), over headers that hold the body's digest: `http_signatures.py`."""
    http_signatures.verify(delivery, public_key, now_s)


def standard_key(secret: str) -> bytes:
    """The key bytes of a `whsec_<base64>` secret, padding optional. Raises RefusedError where it is no base64."""
    encoded = secret.removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError("malformed_secret") from error


def sign_challenge(challenge: str, secret: str) -> bytes:
    """The HMAC-SHA256 of a challenge. Raises RefusedError for one that could be a body.

    Whoever asks gets a signature of the text they chose: without this check it would be the signature of a forged body.
    """
    if not _is_challenge(challenge):
        raise RefusedError("malformed_challenge")
    return hmac.digest(secret.encode(), challenge.encode(), "sha256")


def _is_challenge(text: str) -> bool:
    return 1 <= len(text) <= LONGEST_CHALLENGE and text.isprintable() and not _BODY_SIGNS & set(text)


def _refuse_challenge(signed: bytes) -> None:
    """Refuse what `sign_challenge` signs, `123` for one: as a delivery nobody but a stranger sends it."""
    if len(signed) <= 4 * LONGEST_CHALLENGE and _is_challenge(signed.decode(errors="replace")):
        raise RefusedError("wrong_signature")


def _hex_hmac(delivery: Delivery, header: str, method: str, secret: str) -> None:
    given = _prefixed(delivery, header, f"{method}=")
    _compare(hmac.digest(secret.encode(), delivery.body, method).hex().encode(), given.lower())


def _prefixed(delivery: Delivery, header: str, prefix: str) -> str:
    given = _header(delivery, header)
    if not given.startswith(prefix):
        raise RefusedError("malformed_signature")
    return given.removeprefix(prefix)


def _header(delivery: Delivery, name: str) -> str:
    given = delivery.headers.get(name)
    if not given:
        raise RefusedError("missing_signature")
    return given


def _check_time(stamp: str, now_s: float, tolerance_s: int) -> None:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise RefusedError("malformed_timestamp")
    if abs(now_s - int(stamp)) > tolerance_s:
        raise RefusedError("time_outside_tolerance")


def _compare(expected: bytes, given: str) -> None:
    if not hmac.compare_digest(expected, given.encode()):
        raise RefusedError("wrong_signature")


#: Adding a scheme: one function above (or in `tokens.py`), one line here.
SCHEMES: dict[str, Scheme] = {
    "meta": meta,
    "meta-legacy": meta_legacy,
    "x": x,
    "standardwebhooks": standardwebhooks,
    "linkedin": linkedin,
    "tiktok": tiktok,
    "discourse": discourse,
    "gitlab": tokens.gitlab,
    "telegram": tokens.telegram,
    "mastodon": mastodon,
    "websub": websub,
    "http-signature": http_signature,
    "path": tokens.path,
    "bearer": tokens.bearer,
}
#: The reasons of a refusal: also metric labels.
REFUSALS = (
    "no_secret",
    "missing_signature",
    "malformed_signature",
    "wrong_signature",
    "malformed_timestamp",
    "time_outside_tolerance",
    "missing_token",
    "wrong_token",
    "malformed_secret",
    "malformed_challenge",
    "missing_challenge",
    "missing_origin",
    "wrong_mode",
    "no_handshake",
    "missing_digest",
    "wrong_digest",
    "too_little_signed",
    "unknown_algorithm",
    "malformed_key",
    "unknown_key",
    "foreign_key",
    "actor_gone",
    "no_actor",
    "body_too_large",
    "unknown_topic",
)
