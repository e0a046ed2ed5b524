"""Actors of other servers as the tests play them: a key each, and requests signed in both forms of HTTP signatures."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CAVAGE = ("(request-target)", "host", "date", "digest")
RFC = ("@method", "@target-uri", "content-digest")


@cache
def private_key(name: str) -> RSAPrivateKey:
    """One key a name; made when first asked for (0.1 s). That of `short` is too short."""
    return generate_private_key(public_exponent=65537, key_size=1024 if name == "short" else 2048)


def public_pem(name: str) -> str:
    """The public half as PEM."""
    key = private_key(name).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def cavage(
    body: bytes,
    target: str = "/webhooks/inbox",
    *,
    key_id: str,
    key: str,
    now_s: float,
    host: str = "gateway.example",
    names: Sequence[str] = CAVAGE,
    parameters: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a POST signed as Mastodon signs; `parameters` are put into `Signature` besides."""
    headers = {
        "Host": host,
        "Date": format_datetime(datetime.fromtimestamp(now_s, UTC), usegmt=True),
        "Digest": f"SHA-256={b64encode(hashlib.sha256(body).digest()).decode()}",
        "Content-Type": "application/activity+json",
    }
    values = {name.lower(): value for name, value in headers.items()} | {"(request-target)": f"post {target}"}
    values |= {f"({name})": value for name, value in (parameters or {}).items()}
    signed = "\n".join(f"{name}: {values[name]}" for name in names)
    more = "".join(f',{name}="{value}"' for name, value in (parameters or {}).items())
    signature = f'keyId="{key_id}",headers="{" ".join(names)}",signature="{_sign(key, signed)}"{more}'
    return {**headers, "Signature": signature}


def rfc9421(
    body: bytes,
    target: str = "/webhooks/inbox",
    *,
    key_id: str,
    key: str,
    now_s: float,
    host: str = "gateway.example",
    names: Sequence[str] = RFC,
    more: str = "",
) -> dict[str, str]:
    """The same as RFC 9421 has it; `more` is put behind the parameters."""
    headers = {
        "Host": host,
        "Content-Digest": f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:",
        "Content-Type": "application/activity+json",
    }
    values = {name.lower(): value for name, value in headers.items()}
    path, _, query = target.partition("?")
    values |= {"@method": "POST", "@target-uri": f"https://{host}{target}", "@authority": host}
    values |= {"@path": path, "@query": f"?{query}"}
    listed = " ".join(f'"{name}"' for name in names)
    parameters = f'({listed});created={int(now_s)};keyid="{key_id}"{more}'
    lines = [f'"{name}": {values[name]}' for name in names] + [f'"@signature-params": {parameters}']
    signature = f"sig1=:{_sign(key, chr(10).join(lines))}:"
    return {**headers, "Signature-Input": f"sig1={parameters}", "Signature": signature}


def _sign(key: str, signed: str) -> str:
    return b64encode(private_key(key).sign(signed.encode(), PKCS1v15(), SHA256())).decode()
