"""An STS that attests the end of a session, which the local AWS's does not. It answers the two calls of GET /session."""

import base64
import http.server
import json
import threading
import time
from datetime import datetime, timezone
from urllib.parse import parse_qs

# The runtime emulator's name for the function, whose own name is in its environment.
FUNCTION_ARN = "arn:aws:lambda:us-east-1:012345678912:function:signer"
ACCOUNT = FUNCTION_ARN.split(":")[4]
# From now to the end of the session, in seconds: as in the example.
SECONDS = 39_286


class AttestingSts:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                body = answer(form["Action"][0]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Logs nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"


def answer(action):
    if action == "GetWebIdentityToken":
        result = f"<WebIdentityToken>{token()}</WebIdentityToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
    else:
        assert action == "GetCallerIdentity", action
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/link-signer/link-signer"
        result = f"<Arn>{arn}</Arn><UserId>AROAEXAMPLE:link-signer</UserId><Account>{ACCOUNT}</Account>"
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


def token():
    now = int(time.time())
    end = datetime.fromtimestamp(now + SECONDS, timezone.utc)
    claims = {
        "iss": "https://abc.tokens.sts.global.api.aws",
        "aud": "https://s3-link-signer.invalid",
        "sub": f"arn:aws:iam::{ACCOUNT}:role/link-signer",
        "iat": now,
        "exp": now + 60,
        "https://sts.amazonaws.com/": {
            "aws_account": ACCOUNT,
            "original_session_exp": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lambda_source_function_arn": FUNCTION_ARN,
        },
    }
    parts = [json.dumps(part).encode() for part in ({"alg": "ES384"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, b"signature"))
