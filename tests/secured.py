"""Servers that ask for TLS and a user: certificates, a Kafka with secured listeners, and TLS before a Redis.

The Redis that packages carry is built without TLS, so a relay of the standard library stands in front of the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion

from pipeline.local.jars import class_path
from pipeline.local.kafka import KafkaServer
from pipeline.local.ports import LOOPBACK, free_ports
from pipeline.local.redis import RedisServer

#: The only name that the servers' certificates hold: by the address of the same machine they are somebody else.
NAME = "localhost"
USER, PASSWORD = "alice", "correct horse battery"
REDIS_PASSWORD = "another horse"


class Authority:
    """A certificate authority of a test, its files in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority in {folder.name}")])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        builder = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, password: str = "") -> tuple[Path, Path]:
        """A certificate for a host's name and its key, perhaps under a password."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        issued = self._builder(subject, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        certificate, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate.write_bytes(_pem(issued))
        hidden = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        key_file.write_bytes(key.private_bytes(encoding, form, hidden))
        return certificate, key_file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=1))
        )


class SecuredKafka(KafkaServer):
    """A broker with three listeners besides the open one: TLS, TLS with a certificate of the client, TLS with SASL.

    `USER` and who needs no name may do everything; anybody else what he is allowed.
    """

    def __init__(self, data: Path, authority: Authority) -> None:
        port, controller, self.tls_port, self.mutual_port, self.sasl_port = free_ports(5)
        certificate, key = authority.issue(NAME)
        chain = data.parent / "broker.pem"
        chain.write_bytes(key.read_bytes() + certificate.read_bytes())
        ways = {"PLAINTEXT": port, "TLS": self.tls_port, "MUTUAL": self.mutual_port, "SASLTLS": self.sasl_port}
        advertised = ",".join(f"{way}://{NAME}:{at}" for way, at in ways.items())
        listening = ",".join(f"{way}://{LOOPBACK}:{at}" for way, at in (*ways.items(), ("CONTROLLER", controller)))
        more = f"""\
listeners={listening}
advertised.listeners={advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SSL,MUTUAL:SSL,SASLTLS:SASL_SSL
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{USER};User:CN=client
ssl.keystore.type=PEM
ssl.keystore.location={chain}
ssl.truststore.type=PEM
ssl.truststore.location={authority.file}
listener.name.mutual.ssl.client.auth=required
listener.name.sasltls.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasltls.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
  user_{USER}="{PASSWORD}";
listener.name.sasltls.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasltls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""
        super().__init__(data, port, controller, class_path(), more)

    def add_user(self, name: str = USER, password: str = PASSWORD) -> None:
        """Make a user known to SCRAM."""
        with KafkaAdminClient(bootstrap_servers=self.servers) as admin:
            for mechanism in (1, 2):  # SCRAM-SHA-256 and -512; one request may alter a user once
                told = admin.alter_user_scram_credentials(
                    [UserScramCredentialUpsertion(name, mechanism, password=password, iterations=4096)]
                )
                assert told == {name: None}


@dataclass(frozen=True)
class Secured:
    """The servers, who signed their certificates, and somebody who did not."""

    kafka: SecuredKafka
    redis: RedisServer
    redis_tls: int
    redis_mutual: int
    ours: Authority
    theirs: Authority


@contextmanager
def secured_servers(folder: Path) -> Iterator[Secured]:
    """A Kafka and a Redis that ask for TLS and a user."""
    ours, theirs = Authority(folder / "ours"), Authority(folder / "theirs")
    kafka, server = SecuredKafka(folder / "kafka", ours), RedisServer(folder / "redis", free_ports(1)[0])
    try:
        for child in (server, kafka):
            child.start()
        for child in (server, kafka):
            child.wait_healthy()
        kafka.add_user()
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", REDIS_PASSWORD)
        with tls_before(server.port, ours) as tls, tls_before(server.port, ours, mutual=True) as mutual:
            yield Secured(kafka, server, tls, mutual, ours, theirs)
    finally:
        kafka.kill()
        server.kill()


@contextmanager
def tls_before(port: int, authority: Authority, *, mutual: bool = False) -> Iterator[int]:
    """A port of this machine where TLS is spoken, and what comes out of it goes to `port`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(NAME))
    if mutual:
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="tls-relay", daemon=True)
    thread.start()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(_pump(reader, ahead), _pump(behind, writer))

    async def start() -> asyncio.Server:
        return await asyncio.start_server(relay, LOOPBACK, 0, ssl=context)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
