"""HTTP signatures of ActivityPub: draft-cavage-http-signatures-12 and RFC 9421, RSA with PKCS #1 v1.5 and SHA-256.

Owns what must be signed and how old it may be; whose key it is and where keys come from is decided elsewhere. Both
forms give a `Signature`, which needs nothing but the key any more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from pipeline.errors import RefusedError
from pipeline.sources.delivery import Delivery
from pipeline.sources.times import from_http_date

#: Mastodon's own window, both ways.
TOLERANCE_S = 12 * 3600
#: A signature of the largest key, its headers and its key's address fit several times.
LONGEST_HEADER = 8192
MOST_SIGNED = 32
LONGEST_PEM = 8192
#: Below it a key is not safe, above it checking a signature costs more than a delivery is worth.
KEY_BITS = range(2048, 8193)
LARGEST_EXPONENT = 2**32
#: `hs2019` means "as the key says", which here is always RSA.
CAVAGE_ALGORITHMS = frozenset({"rsa-sha256", "hs2019"})
RFC_ALGORITHM = "rsa-v1_5-sha256"
#: Without these a signature could be moved to another request, or to another body.
CAVAGE_SIGNED = frozenset({"(request-target)", "host", "digest"})

_CAVAGE_FIELD = r'([a-zA-Z]+)=(?:"([^"\\]*)"|(\d{1,12}))'
_CAVAGE = re.compile(rf"{_CAVAGE_FIELD}(?:\s*,\s*{_CAVAGE_FIELD})*")
#: `sig1=("@method" "content-digest");created=1;keyid="..."`, in the only form that serialising it anew would give.
_LABEL = r"[a-z*][a-z0-9_.*-]{0,63}"
_RFC_INPUT = re.compile(
    rf'({_LABEL})=(\(((?:"[a-z0-9@-]+" ?)+)\)((?:;{_LABEL}=(?:"[^"\\]*"|\d{{1,12}}))*))(?:$|,\s*{_LABEL}=\()'
)
_RFC_FIELD = re.compile(rf';({_LABEL})=(?:"([^"\\]*)"|(\d{{1,12}}))')


class Signature(NamedTuple):
    """A signature that is complete and in time: whose key it names, what was signed, and the signature's bytes."""

    key_id: str
    signed: bytes
    value: bytes


def verify(delivery: Delivery, pem: str, now_s: float) -> None:
    """Accept a delivery that this public key signed, or raise RefusedError."""
    check(read(delivery, now_s), pem)


def read(delivery: Delivery, now_s: float) -> Signature:
    """The signature of a delivery. Raises RefusedError for everything that no key could make right."""
    given = delivery.headers.get("signature")
    if not given:
        raise RefusedError("missing_signature")
    described = delivery.headers.get("signature-input")
    if max(len(given), len(described or "")) > LONGEST_HEADER:
        raise RefusedError("malformed_signature")
    if described is None:
        return _read_cavage(delivery, given, now_s)
    return _read_rfc(delivery, described, given, now_s)


def check(signature: Signature, pem: str) -> None:
    """Whether the key made the signature. Raises RefusedError."""
    try:
        load_key(pem).verify(signature.value, signature.signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise RefusedError("wrong_signature") from error


@lru_cache(maxsize=1024)
def load_key(pem: str) -> RSAPublicKey:
    """The RSA key of a PEM text. Raises RefusedError for any other key, and for sizes out of `KEY_BITS`."""
    try:
        key = load_pem_public_key(pem.encode()) if len(pem) <= LONGEST_PEM else None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RefusedError("malformed_key") from error
    if not isinstance(key, RSAPublicKey) or key.key_size not in KEY_BITS:
        raise RefusedError("malformed_key")
    if key.public_numbers().e > LARGEST_EXPONENT:
        raise RefusedError("malformed_key")
    return key


def _read_cavage(delivery: Delivery, given: str, now_s: float) -> Signature:
    """`keyId="...",headers="(request-target) host date digest",signature="<base64>"`."""
    if not _CAVAGE.fullmatch(given.strip()):
        raise RefusedError("malformed_signature")
    pairs = [(name, quoted or number) for name, quoted, number in re.findall(_CAVAGE_FIELD, given)]
    fields = dict(pairs)
    if len(fields) < len(pairs) or not fields.get("keyId"):
        raise RefusedError("malformed_signature")
    algorithm = fields.get("algorithm", "hs2019")
    if algorithm not in CAVAGE_ALGORITHMS:
        raise RefusedError("unknown_algorithm")
    names = fields.get("headers", "").lower().split(" ")
    _check_names(names)
    if CAVAGE_SIGNED - set(names) or not {"date", "(created)"} & set(names):
        raise RefusedError("too_little_signed")
    _check_digest(delivery, "digest", r"SHA-256=([A-Za-z0-9+/=]{44})(?![A-Za-z0-9+/=])", re.IGNORECASE)
    if "date" in names:
        _check_time(_date_s(delivery), now_s)
    if "(created)" in names or "(expires)" in names:
        if algorithm != "hs2019":  # the draft: older algorithms know neither
            raise RefusedError("malformed_signature")
        _check_lifetime(fields, now_s, needs_created="(created)" in names)
    path = f"{delivery.path}?{delivery.query}" if delivery.query else delivery.path
    special = {"(request-target)": f"{delivery.method.lower()} {path}"}
    special |= {f"({name})": fields[name] for name in ("created", "expires") if name in fields}
    lines = [f"{name}: {_component(name, special, delivery)}" for name in names]
    return Signature(fields["keyId"], _bytes("\n".join(lines)), _base64(fields.get("signature", "")))


def _read_rfc(delivery: Delivery, described: str, given: str, now_s: float) -> Signature:
    """`Signature-Input: sig1=("@method" "@target-uri" "content-digest");created=1;keyid="..."`; of several one."""
    found = _RFC_INPUT.match(described.strip())
    if not found:
        raise RefusedError("malformed_signature")
    label, parameters, listed, rest = found.groups()
    pairs = [(name, quoted or number) for name, quoted, number in _RFC_FIELD.findall(rest)]
    fields, names = dict(pairs), listed.replace('"', "").split(" ")
    if len(fields) < len(pairs) or not fields.get("keyid"):
        raise RefusedError("malformed_signature")
    if fields.get("alg", RFC_ALGORITHM) != RFC_ALGORITHM:
        raise RefusedError("unknown_algorithm")
    _check_names(names)
    target = {"@target-uri"} & set(names) or {"@authority", "@path"} <= set(names)
    if not {"@method", "content-digest"} <= set(names) or not target:
        raise RefusedError("too_little_signed")
    _check_digest(delivery, "content-digest", r"(?:^|,\s*)sha-256=:([A-Za-z0-9+/=]{44}):")
    _check_lifetime(fields, now_s, needs_created=True)
    value = re.search(rf"(?:^|,\s*){re.escape(label)}=:([A-Za-z0-9+/=]+):(?=$|\s*[,;])", given)
    if not value:
        raise RefusedError("malformed_signature")
    lines = [f'"{name}": {_component(name, _derived(delivery), delivery)}' for name in names]
    lines.append(f'"@signature-params": {parameters}')
    return Signature(fields["keyid"], _bytes("\n".join(lines)), _base64(value[1]))


def _derived(delivery: Delivery) -> dict[str, str]:
    """The derived components. The sender saw https, whatever stands between it and us."""
    authority = delivery.headers.get("host", "").lower().removesuffix(":443")
    query = f"?{delivery.query}" if delivery.query else ""
    return {
        "@method": delivery.method,
        "@target-uri": f"https://{authority}{delivery.path}{query}",
        "@authority": authority,
        "@scheme": "https",
        "@path": delivery.path,
        "@query": query or "?",
        "@request-target": delivery.path + query,
    }


def _component(name: str, special: Mapping[str, str], delivery: Delivery) -> str:
    value = special.get(name, delivery.headers.get(name))
    if value is None:
        raise RefusedError("malformed_signature")
    return value.strip()


def _check_names(names: list[str]) -> None:
    if not all(names) or len(set(names)) < len(names) or len(names) > MOST_SIGNED:
        raise RefusedError("malformed_signature")


def _check_digest(delivery: Delivery, header: str, pattern: str, flags: int = 0) -> None:
    found = re.search(pattern, delivery.headers.get(header, ""), flags)
    if not found:
        raise RefusedError("missing_digest")
    expected = base64.b64encode(hashlib.sha256(delivery.body).digest())
    if not hmac.compare_digest(expected, found[1].encode()):
        raise RefusedError("wrong_digest")


def _check_lifetime(fields: Mapping[str, str], now_s: float, *, needs_created: bool) -> None:
    stamps = {name: fields[name] for name in ("created", "expires") if name in fields}
    if not all(stamp.isascii() and stamp.isdigit() for stamp in stamps.values()):
        raise RefusedError("malformed_timestamp")
    if needs_created:
        _check_time(float(stamps["created"]) if "created" in stamps else None, now_s)
    if "expires" in stamps and int(stamps["expires"]) < now_s:
        raise RefusedError("time_outside_tolerance")


def _check_time(time_s: float | None, now_s: float) -> None:
    if time_s is None:
        raise RefusedError("malformed_timestamp")
    if abs(now_s - time_s) > TOLERANCE_S:
        raise RefusedError("time_outside_tolerance")


def _date_s(delivery: Delivery) -> float | None:
    date_ms = from_http_date(delivery.headers.get("date"))
    return None if date_ms is None else date_ms / 1000


def _bytes(signed: str) -> bytes:
    """Header values came in as Latin-1; what is none cannot have been signed."""
    return signed.encode("latin-1", "replace")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RefusedError("malformed_signature") from error
