"""An STS on 127.0.0.1, over TLS, that answers the one call of the function: it states the session's end.

It also stands in for S3, which answers with the policy that the template gives its own bucket. It checks no
signature and knows one action.
"""

import base64
import json
import time
from datetime import datetime, timedelta, timezone

from bare_lambda.runtime_api import FUNCTION_ARN

from .tls_server import Handler, TlsServer

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


class StsHandler(Handler):
    """Answers GetWebIdentityToken."""

    def do_POST(self):
        self.body()
        time.sleep(self.server.service.delay)
        response = (
            "<GetWebIdentityTokenResponse><GetWebIdentityTokenResult>"
            f"<WebIdentityToken>{token()}</WebIdentityToken><Expiration>{seconds_from_now(60)}</Expiration>"
            "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        ).encode()
        self.answer(200, {"Content-Type": "text/xml"}, response)

    def do_GET(self):
        time.sleep(self.server.service.delay)
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(POLICY).encode())


class Sts(TlsServer):
    """The server. It listens until the `with` block ends."""

    handler = StsHandler

    def environment(self, roots):
        """The variables that send a function's STS calls here."""
        return {
            "AWS_ENDPOINT_URL_STS": f"https://localhost:{self.ports[0]}",
            "SSL_CERT_FILE": str(roots),
        }

    def policy_environment(self):
        """The variables that make a function ask for the bucket's policy as well, here."""
        # An address, because the bucket's name would stand before the name of a host, and no resolver knows that.
        return {"BUCKET_POLICY": "heed", "AWS_ENDPOINT_URL_S3": f"https://127.0.0.1:{self.ports[0]}"}


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
