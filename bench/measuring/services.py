"""An S3 and a DynamoDB on 127.0.0.1, over TLS: every object exists, and the table has shares.

DynamoDB answers as AWS's does: JSON 1.0, over connections that are kept. No signature is checked.
"""

import json
import threading
import time
from collections import Counter

from bare_lambda import shares
from local_lambda import share_table

from .tls_server import Handler, TlsServer


# The name by which requests to S3 are counted.
OPEN_LINK = "OpenLink"


class ServicesHandler(Handler):
    """Answers DynamoDB's calls, and opens links."""

    def do_POST(self):
        call = json.loads(self.body())
        status, answer = self.server.service.dynamodb(self.headers["X-Amz-Target"].split(".")[1], call)
        self.answer(status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode())

    def do_GET(self):
        time.sleep(self.server.service.delay)
        self.server.service.calls[OPEN_LINK] += 1
        headers = {"Content-Type": "binary/octet-stream", "Content-Range": "bytes 0-0/1250000", "ETag": '"0123"'}
        self.answer(206, headers, b"x")


class Services(TlsServer):
    """The services. They listen until the `with` block ends."""

    handler = ServicesHandler
    # S3's and DynamoDB's.
    listeners = 2

    def __init__(self):
        super().__init__()
        self.table = {}
        self.calls = Counter()
        self._lock = threading.Lock()

    def environment(self):
        """The variables of a function with shares that calls these services."""
        # An address, because the bucket's name would stand before the name of a host, and no resolver knows that.
        # DynamoDB has one too, so that a call of either service costs the same.
        s3, dynamodb = (f"https://127.0.0.1:{port}" for port in self.ports)
        return shares.environment(
            AWS_ENDPOINT_URL_S3=s3, AWS_ENDPOINT_URL_DYNAMODB=dynamodb, SSL_CERT_FILE=str(self.five_roots)
        )

    def dynamodb(self, name, call):
        """The status and the JSON of the answer to a call of DynamoDB's."""
        time.sleep(self.delay)
        with self._lock:
            self.calls[name] += 1
            return share_table.call(self.table, name, call)

    def dynamodb_calls(self):
        """How many calls DynamoDB got."""
        return sum(count for name, count in self.calls.items() if name != OPEN_LINK)

    def copies(self, token, count):
        """The tokens of so many shares that are like the one of `token`. Each is as it was made."""
        item = self.table[share_table.share_id(token)]
        tokens = [shares.new_token() for _ in range(count)]
        for copy in tokens:
            self.table[share_table.share_id(copy)] = share_table.with_token(item, copy)
        return tokens
