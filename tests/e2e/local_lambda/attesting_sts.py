"""An STS that attests the end of a session, which the local AWS's does not. It answers the two calls of GET /session."""

import base64
import json
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs

from local_aws.http_server import HttpServer


class AttestingSts(HttpServer):
    """Attests sessions of the function with this ARN that end some seconds from now."""

    def __init__(self, function_arn, seconds):
        super().__init__()
        self._function_arn = function_arn
        self._seconds = seconds

    def answer(self, method, target, headers, body):
        action = parse_qs(body.decode())["Action"][0]
        xml = f"<{action}Response><{action}Result>{self.result(action)}</{action}Result></{action}Response>"
        return 200, {"Content-Type": "text/xml"}, xml.encode()

    def result(self, action):
        """What STS answers to an action."""
        if action == "GetWebIdentityToken":
            return f"<WebIdentityToken>{self.token()}</WebIdentityToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        assert action == "GetCallerIdentity", action
        arn = f"arn:aws:sts::{self._account}:assumed-role/link-signer/link-signer"
        return f"<Arn>{arn}</Arn><UserId>AROAEXAMPLE:link-signer</UserId><Account>{self._account}</Account>"

    def token(self):
        """A JWT like those of STS, with an invalid signature."""
        now = int(time.time())
        end = datetime.fromtimestamp(now + self._seconds, timezone.utc)
        claims = {
            "iss": "https://abc.tokens.sts.global.api.aws",
            "aud": "https://s3-link-signer.invalid",
            "sub": f"arn:aws:iam::{self._account}:role/link-signer",
            "iat": now,
            "exp": now + 60,
            "https://sts.amazonaws.com/": {
                "aws_account": self._account,
                "original_session_exp": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "lambda_source_function_arn": self._function_arn,
            },
        }
        parts = [json.dumps(part).encode() for part in ({"alg": "ES384"}, claims)]
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))

    @property
    def _account(self):
        return self._function_arn.split(":")[4]
