"""Verifies links signed with Signature Version 4A, which is an ECDSA signature.

Signing the same URL twice may give two different signatures, so they can't be compared with those of another
signer. This module verifies them as S3 does: with the public key that belongs to the secret access key.

Source: "Signature Version 4A" in AWS's SDK reference (aws-samples/sigv4a-signing-examples).
"""

import hashlib
import hmac
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "AWS4-ECDSA-P256-SHA256"
CURVE = ec.SECP256R1()
# The number of points on the curve. Source: FIPS 186-4.
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def verifies(url, credentials):
    """Whether the signature in `url` is valid for this URL and these credentials."""
    parts = urlsplit(url)
    query = parts.query.split("&")
    fields = dict(part.split("=", 1) for part in query)
    signed = sorted(part for part in query if not part.startswith("X-Amz-Signature="))
    request = ["GET", parts.path, "&".join(signed), f"host:{parts.netloc}", "", "host", "UNSIGNED-PAYLOAD"]
    scope = fields["X-Amz-Credential"].replace("%2F", "/").split("/", 1)[1]
    digest = hashlib.sha256("\n".join(request).encode()).hexdigest()
    text = "\n".join([fields["X-Amz-Algorithm"], fields["X-Amz-Date"], scope, digest])
    try:
        public_key(credentials).verify(
            bytes.fromhex(fields["X-Amz-Signature"]), text.encode(), ec.ECDSA(hashes.SHA256())
        )
    except InvalidSignature:
        return False
    return True


def public_key(credentials):
    """The public key of a secret access key. It is derived with the counter mode of NIST SP 800-108."""
    for counter in range(1, 255):
        context = credentials.access_key.encode() + bytes([counter])
        message = b"\0\0\0\1" + ALGORITHM.encode() + b"\0" + context + b"\0\0\1\0"
        candidate = hmac.digest(b"AWS4A" + credentials.secret_key.encode(), message, "sha256")
        number = int.from_bytes(candidate, "big")
        if number <= ORDER - 2:
            return ec.derive_private_key(number + 1, CURVE).public_key()
    raise AssertionError("no candidate key is below the order of the curve")
