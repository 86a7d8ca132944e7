"""An STS on 127.0.0.1, over TLS, that answers the one call of the function: it states the session's end.

It also stands in for S3, which answers with the policy that the template gives its own bucket.

Each run makes a new certificate chain, and a client verifies it like any other: a root, an intermediate and a leaf
with RSA keys of 2,048 bits, as Amazon's have. This STS checks no signature and knows one action.

The two clients must have as much work with their roots as in the cloud. There the function trusts Amazon's five
roots, which are built in, and the SDK's default client trusts the system's, some 140. Neither set contains the root
made here, so each client gets its own set plus this root through SSL_CERT_FILE: `five_roots` and `system_roots`.
The function then parses that file instead of its built-in roots. The system's roots are certifi's, so their number
does not depend on the machine.
"""

import base64
import ipaddress
import json
import ssl
import tempfile
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
from bare_lambda.runtime_api import FUNCTION_ARN
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from local_aws import paths

FIVE_ROOTS = paths.ROOT / "src" / "aws" / "amazon-roots.pem"
TWELVE_HOURS = timedelta(hours=12)
POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Sid": "OnlyOverTls",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    },
}


class Sts:
    """The server. It listens until the `with` block ends."""

    def __init__(self):
        # Seconds until an answer. In the cloud the two services are some milliseconds away.
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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.sts = self
        self._server.socket = context.wrap_socket(
            # The thread of a connection does the handshake, at its first read.
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    def environment(self, roots):
        """The variables that send a function's STS calls here."""
        return {
            "AWS_ENDPOINT_URL_STS": f"https://localhost:{self._server.server_port}",
            "SSL_CERT_FILE": str(roots),
        }

    def policy_environment(self):
        """The variables that make a function ask for the bucket's policy as well, here."""
        # An address, because the bucket's name would stand before the name of a host, and no resolver knows that.
        return {"BUCKET_POLICY": "heed", "AWS_ENDPOINT_URL_S3": f"https://127.0.0.1:{self._server.server_port}"}


class Handler(BaseHTTPRequestHandler):
    """Answers GetWebIdentityToken."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.sts.delay)
        response = (
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult>"
            f"<WebIdentityToken>{token()}</WebIdentityToken><Expiration>{seconds_from_now(60)}</Expiration>"
            "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        ).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(response)}\r\n\r\n"
        self.wfile.write(head.encode() + response)

    def do_GET(self):
        time.sleep(self.server.sts.delay)
        response = json.dumps(POLICY).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(response)}\r\n\r\n"
        self.wfile.write(head.encode() + response)

    def log_message(self, *_):
        """Log nothing, so that only the tables are printed."""


def token():
    """A JWT like those of STS, with an invalid signature."""
    now = int(time.time())
    claims = {
        "aud": "https://s3-link-signer.invalid",
        "sub": "arn:aws:iam::123456789012:role/signer",
        "iss": "https://12345678-9012-4345-8678-901234567890.tokens.sts.global.api.aws",
        "iat": now,
        "exp": now + 60,
        "jti": "01234567-89ab-4def-8123-456789abcdef",
        "https://sts.amazonaws.com/": {
            "aws_account": "123456789012",
            "source_region": "eu-west-1",
            "original_session_exp": seconds_from_now(TWELVE_HOURS.total_seconds()),
            "lambda_source_function_arn": FUNCTION_ARN.decode(),
        },
    }
    parts = ({"kid": "ec384", "typ": "JWT", "alg": "ES384"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "bm8gc2lnbmF0dXJl" * 8])


def seconds_from_now(seconds):
    """A time in the format of STS."""
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


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
