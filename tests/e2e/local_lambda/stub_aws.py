"""A stub of the AWS services that a mailing function calls: S3, DynamoDB, SES and STS.

It implements only the calls that the function sends: HeadObject, PutItem, UpdateItem, DeleteItem, SendEmail and
AssumeRole. Every object exists and every role may be assumed. The table evaluates the function's conditions as
DynamoDB does. `hold_mails` makes SES wait with its response.
"""

import base64
import email
import email.policy
import http.server
import json
import threading
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, unquote, urlsplit

from . import stub_table


class StubAws:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self):
        self.mails = []
        self.table = {}
        self.ses_was_called = threading.Event()
        self._ses_may_respond = threading.Event()
        self._ses_may_respond.set()
        self._lock = threading.Lock()
        aws = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self):
                version = parse_qs(urlsplit(self.path).query).get("versionId", [VERSION])[0]
                self.send_response(200)
                self.send_header("Content-Length", "1024")
                self.send_header("ETag", '"d41d8cd98f00b204e9800998ecf8427e"')
                self.send_header("x-amz-version-id", version)
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content_type, response = aws.respond(self.path, self.headers.get("X-Amz-Target"), body)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(response)))
                self.end_headers()
                self.wfile.write(response)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._ses_may_respond.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def hold_mails(self):
        """Make SES wait with its responses from now on. It does not accept the mails."""
        self._ses_may_respond.clear()

    def accept_mails(self):
        """Make SES accept mails from now on. The mails that it held are refused."""
        self._ses_may_respond.set()

    def end_leases(self):
        """End all leases, as if five minutes had passed."""
        stub_table.end_leases(self.table)

    def respond(self, path, target, body):
        if target:
            with self._lock:
                status, response = stub_table.call(self.table, target.split(".")[1], json.loads(body))
            return status, "application/x-amz-json-1.0", json.dumps(response).encode()
        if path == "/v2/email/outbound-emails":
            held = not self._ses_may_respond.is_set()
            self.ses_was_called.set()
            if held:
                self._ses_may_respond.wait(60)
                return 500, "application/json", b"{}"
            mail = json.loads(body)
            self.mails.append(base64.b64decode(mail["Content"]["Raw"]["Data"]))
            return 200, "application/json", json.dumps({"MessageId": str(uuid.uuid4())}).encode()
        return 200, "text/xml", ASSUMED.format(end=datetime.now(timezone.utc) + timedelta(hours=1)).encode()


# The version in the fixtures.
VERSION = "UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa"

ASSUMED = """<AssumeRoleResponse><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAMINTEDEXAMPLE</AccessKeyId><SecretAccessKey>minted-secret-access-key</SecretAccessKey>
<SessionToken>minted-session-token</SessionToken><Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


def link_in(mail):
    """The link in a raw mail, which Python's `email` parses."""
    text = email.message_from_bytes(mail, policy=email.policy.default).get_body(("plain",)).get_content()
    [link] = [line.strip() for line in text.splitlines() if line.startswith("http")]
    return link


def key_in(link):
    """The object key in a link."""
    return unquote(urlsplit(link).path).removeprefix("/files/")
