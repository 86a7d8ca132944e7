"""An AWS for a function that mails: S3's HeadObject, DynamoDB's three calls, SES's one and AssumeRole.

Every object is there, every role may be assumed, and the table does what DynamoDB does with the
conditions that the function sends. `hold_mails` makes SES take its time.
"""

import base64
import email
import email.policy
import http.server
import json
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, unquote, urlsplit


class StubAws:
    """Listens on a port of 127.0.0.1 for as long as the `with` block lasts."""

    def __init__(self):
        self.mails = []
        self.table = {}
        self.ses_was_called = threading.Event()
        self._ses_may_answer = threading.Event()
        self._ses_may_answer.set()
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
                status, kind, response = aws.response(self.path, self.headers.get("X-Amz-Target"), body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
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
        self._ses_may_answer.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def hold_mails(self):
        """From now on SES says nothing, and takes nothing."""
        self._ses_may_answer.clear()

    def take_mails(self):
        """From now on SES takes what it is given. What came before is forgotten."""
        self._ses_may_answer.set()

    def end_leases(self):
        """As if five minutes had passed."""
        for item in self.table.values():
            if "lease_ends_at" in item:
                item["lease_ends_at"] = {"N": str(int(time.time()))}

    def response(self, path, target, body):
        if target:
            with self._lock:
                status, response = self._dynamodb(target.split(".")[1], json.loads(body))
            return status, "application/x-amz-json-1.0", json.dumps(response).encode()
        if path == "/v2/email/outbound-emails":
            held = not self._ses_may_answer.is_set()
            self.ses_was_called.set()
            if held:
                self._ses_may_answer.wait(60)
                return 500, "application/json", b"{}"
            mail = json.loads(body)
            self.mails.append(base64.b64decode(mail["Content"]["Raw"]["Data"]))
            return 200, "application/json", json.dumps({"MessageId": str(uuid.uuid4())}).encode()
        return 200, "text/xml", ASSUMED.format(end=datetime.now(timezone.utc) + timedelta(hours=1)).encode()

    def _dynamodb(self, call, body):
        refused = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}
        values = body["ExpressionAttributeValues"]
        if call == "PutItem":
            there = self.table.get(body["Item"]["id"]["S"])
            over = there and "sent_at" not in there and int(there["lease_ends_at"]["N"]) <= int(values[":now"]["N"])
            if there and not over and there["claim"] != values[":claim"]:
                return 400, {**refused, "Item": there}
            self.table[body["Item"]["id"]["S"]] = body["Item"]
            return 200, {}
        item = self.table.get(body["Key"]["id"]["S"])
        if not item or item["claim"] != values[":claim"]:
            return 400, refused
        if call == "DeleteItem":
            del self.table[body["Key"]["id"]["S"]]
        else:
            item["sent_at"] = values[":now"]
            item.pop("lease_ends_at", None)
        return 200, {}


# The one that the fixtures name.
VERSION = "UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa"

ASSUMED = """<AssumeRoleResponse><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAMINTEDEXAMPLE</AccessKeyId><SecretAccessKey>minted-secret-that-nobody-may-see</SecretAccessKey>
<SessionToken>minted-token-that-nobody-may-see</SessionToken><Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


def link_in(mail):
    """The link in a mail, as Python's own `email` reads it."""
    text = email.message_from_bytes(mail, policy=email.policy.default).get_body(("plain",)).get_content()
    [link] = [line.strip() for line in text.splitlines() if line.startswith("http")]
    return link


def key_in(link):
    """The key that a link leads to."""
    return unquote(urlsplit(link).path).removeprefix("/files/")
