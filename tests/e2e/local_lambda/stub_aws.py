"""A stub of the AWS services that a mailing function calls: S3, DynamoDB, SES and STS.

It implements only the calls that the function sends: HeadObject, UpdateItem, SendEmail and AssumeRole. Every object exists and every role may be assumed. The table evaluates the function's conditions as
DynamoDB does. `hold_mails` makes SES wait with its response.
"""

import base64
import email
import email.policy
import json
import threading
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, unquote, urlsplit

from local_aws.http_server import HttpServer

from . import stub_ledger


class StubAws(HttpServer):
    """Answers as these services do, and keeps the mails and the table."""

    def __init__(self):
        super().__init__()
        self.mails = []
        self.table = {}
        self.ses_was_called = threading.Event()
        self._ses_may_respond = threading.Event()
        self._ses_may_respond.set()
        self._lock = threading.Lock()

    def __exit__(self, *error):
        self._ses_may_respond.set()
        super().__exit__(*error)

    def answer(self, method, target, headers, body):
        if method == "HEAD":
            version = parse_qs(urlsplit(target).query).get("versionId", [VERSION])[0]
            etag = '"d41d8cd98f00b204e9800998ecf8427e"'
            return 200, {"Content-Length": "1024", "ETag": etag, "x-amz-version-id": version}, b""
        status, content_type, response = self.respond(target, headers.get("X-Amz-Target"), body)
        return status, {"Content-Type": content_type}, response

    def hold_mails(self):
        """Make SES wait with its responses from now on. It does not accept the mails."""
        self._ses_may_respond.clear()

    def accept_mails(self):
        """Make SES accept mails from now on. The mails that it held are refused."""
        self._ses_may_respond.set()

    def end_leases(self):
        """End all leases, as if five minutes had passed."""
        stub_ledger.end_leases(self.table)

    def respond(self, path, target, body):
        if target:
            with self._lock:
                status, response = stub_ledger.call(self.table, json.loads(body))
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
