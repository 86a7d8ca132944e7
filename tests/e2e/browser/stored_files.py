"""A stand-in for S3: one origin that serves stored files as S3 serves them to whoever opens a link.

A file has the content type that its writer gave it. A link's parameters response-content-type and
response-content-disposition replace or add headers, as in S3. The stand-in does not verify signatures, which
signatures/ does: the tests here are about what a browser makes of these headers.
"""

import threading
from urllib.parse import parse_qs, unquote, urlsplit

from local_aws.http_server import HttpServer

BUCKET = "files"

# Scripts ask for a path that begins with this, as proof that they ran.
PROOF = "/proof/"


class StoredFiles(HttpServer):
    """Serves `files`, which has a content type and a body for each key."""

    def __init__(self, files):
        super().__init__()
        self.files = files
        self._proofs = set()
        self._proof_arrived = threading.Condition()

    def answer(self, method, target, headers, body):
        parts = urlsplit(target)
        if parts.path.startswith(PROOF):
            with self._proof_arrived:
                self._proofs.add(parts.path.removeprefix(PROOF))
                self._proof_arrived.notify_all()
            return 204, {"Access-Control-Allow-Origin": "*"}, b""
        key = unquote(parts.path.removeprefix(f"/{BUCKET}/"))
        if key not in self.files:
            return 404, {"Content-Type": "application/xml"}, b"<Error><Code>NoSuchKey</Code></Error>"
        content_type, body = self.files[key]
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {"Content-Type": query.get("response-content-type", content_type)}
        if disposition := query.get("response-content-disposition"):
            headers["Content-Disposition"] = disposition
        return 200, headers, body

    def forget_proofs(self):
        """Forget the scripts that have run so far."""
        with self._proof_arrived:
            self._proofs.clear()

    def has_proof(self, name, seconds=0):
        """Whether the script that proves itself with `name` has run, or runs within some seconds."""
        with self._proof_arrived:
            return self._proof_arrived.wait_for(lambda: name in self._proofs, seconds)
