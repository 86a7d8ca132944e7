"""A server on 127.0.0.1 over TLS, with a certificate that a client verifies like any other.

Each run makes a new certificate chain: a root, an intermediate and a leaf with RSA keys of 2,048 bits, as Amazon's
have.

A client must have as much work with its roots as in the cloud. There the function trusts Amazon's five roots, which
are built in, and the SDK's default client trusts the system's, some 140. Neither set contains the root made here, so
each client gets its own set plus this root through SSL_CERT_FILE: `five_roots` and `system_roots`. The function then
parses that file instead of its built-in roots. The system's roots are certifi's, so their number does not depend on
the machine.
"""

import ipaddress
import ssl
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from local_aws import paths

FIVE_ROOTS = paths.ROOT / "src" / "aws" / "amazon-roots.pem"


class TlsServer:
    """The server. It listens until the `with` block ends."""

    # What answers: a class that inherits `Handler`.
    handler = None
    # On how many ports it listens. A client makes a connection for each.
    listeners = 1

    def __init__(self):
        # Seconds until an answer. In the cloud the services are some milliseconds away.
        self.delay = 0

    def __enter__(self):
        self._directory = tempfile.TemporaryDirectory()
        directory = Path(self._directory.name)
        root, leaf = make_certificates()
        (directory / "leaf.pem").write_bytes(leaf)
        self.five_roots = directory / "five-roots.pem"
        self.five_roots.write_bytes(FIVE_ROOTS.read_bytes() + root)
        self.system_roots = directory / "system-roots.pem"
        self.system_roots.write_bytes(Path(certifi.where()).read_bytes() + root)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "leaf.pem")
        # The default is two session tickets, which no client here would use.
        context.num_tickets = 0
        self._servers = [self._listen(context) for _ in range(self.listeners)]
        # Where it listens, on `localhost` and on 127.0.0.1.
        self.ports = [server.server_port for server in self._servers]
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._directory.cleanup()

    def _listen(self, context):
        server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        server.daemon_threads = True
        server.service = self
        server.socket = context.wrap_socket(
            # The thread of a connection does the handshake, at its first read.
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


class Handler(BaseHTTPRequestHandler):
    """Answers requests, and keeps their connections."""

    protocol_version = "HTTP/1.1"

    def answer(self, status, headers, body=b""):
        """Send an answer, in one piece."""
        lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in headers.items())]
        lines.append(f"Content-Length: {len(body)}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

    def body(self):
        """The body of the request."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def log_message(self, *_):
        """Log nothing, so that only the tables are printed."""


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
