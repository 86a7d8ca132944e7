"""TLS before servers that have none, on 127.0.0.1, with a certificate that a client verifies like any other.

The fake AWS speaks plain HTTP. What comes in over TLS is handed on to it byte by byte, and nothing of it is read here.

Each run makes a new certificate chain: a root, an intermediate and a leaf with RSA keys of 2,048 bits, as Amazon's
have.

A client must have as much work with its roots as in the cloud. There the function trusts Amazon's five roots, which
are built in, and the SDK's default client trusts the system's, some 140. Neither set contains the root made here, so
each client gets its own set plus this root through SSL_CERT_FILE: `five_roots` and `system_roots`. The function then
parses that file instead of its built-in roots. The system's roots are certifi's, so their number does not depend on
the machine.
"""

import asyncio
import contextlib
import ipaddress
import ssl
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from local_aws import paths

FIVE_ROOTS = paths.ROOT / "src" / "aws" / "amazon-roots.pem"


class TlsFront:
    """Listens once for each address, which is `http://` and a host with a port, and ends the TLS of what comes."""

    def __init__(self, addresses):
        self._addresses = [address.removeprefix("http://").split(":") for address in addresses]

    def start(self):
        """Listen. Returns the ports, on `localhost` and on 127.0.0.1, in the order of the addresses."""
        self._directory = tempfile.TemporaryDirectory()
        directory = Path(self._directory.name)
        root, leaf = make_certificates()
        (directory / "leaf.pem").write_bytes(leaf)
        # Certificates for clients, as files.
        self.five_roots = directory / "five-roots.pem"
        self.five_roots.write_bytes(FIVE_ROOTS.read_bytes() + root)
        self.system_roots = directory / "system-roots.pem"
        self.system_roots.write_bytes(Path(certifi.where()).read_bytes() + root)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "leaf.pem")
        # The default is two session tickets, which no client here would use.
        context.num_tickets = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        return [self._run(self._listen(context, *address)) for address in self._addresses]

    def stop(self):
        """End all connections, and stop listening."""
        self._run(end_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._directory.cleanup()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _listen(self, context, host, port):
        async def forward(reader, writer):
            # The streams of Python 3.11 complain about a task that was cancelled.
            with contextlib.suppress(asyncio.CancelledError):
                onwards_reader, onwards_writer = await asyncio.open_connection(host, port)
                await asyncio.gather(copy(reader, onwards_writer), copy(onwards_reader, writer))

        server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
        return server.sockets[0].getsockname()[1]


async def end_others():
    """End all tasks but this one."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def copy(reader, writer):
    """Hand on all that comes, until it ends."""
    with contextlib.suppress(OSError):
        while received := await reader.read(65536):
            writer.write(received)
    writer.close()


def make_certificates():
    """Two PEM files: the root, and the key and chain of `localhost`."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(3)]
    root_key, intermediate_key, leaf_key = keys
    root = certificate("Root of the measurement", root_key, None, root_key, authority=True)
    intermediate = certificate("Intermediate of the measurement", intermediate_key, root, root_key, authority=True)
    leaf = certificate("localhost", leaf_key, intermediate, intermediate_key, authority=False)
    key = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = [one.public_bytes(serialization.Encoding.PEM) for one in (root, leaf, intermediate)]
    return pem[0], key + pem[1] + pem[2]


def certificate(name, key, issuer, issuer_key, authority):
    """One certificate, valid for a day. Without an issuer it is self-signed."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        names = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
