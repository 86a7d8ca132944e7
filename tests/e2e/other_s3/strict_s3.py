"""A stand-in for AWS's S3: it stands before the local AWS and refuses what only AWS refuses.

What it lets through, the local AWS judges: signatures, ends, conditions, sizes, checksums and policies. Each rule names its
source. "Seen on AWS": LocalStack has a test with this answer that was run on AWS.
"""

import http.client
import re
from urllib.parse import parse_qs, urlsplit

from local_aws import http_server

# Headers that the specification lets clients leave unsigned.
# Source: Amazon S3 API reference, "Authenticating Requests (AWS Signature Version 4)".
MAY_BE_UNSIGNED = {"x-amz-content-sha256"}
MIN_PART_BYTES = 5 * 2**20
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class StrictS3(http_server.HttpServer):
    """Sends requests on to the local AWS at `upstream`, with the host that they were signed for."""

    def __init__(self, upstream):
        super().__init__()
        self._upstream = urlsplit(upstream).netloc
        # The sizes of the parts that arrived: upload, part, size.
        self._parts = {}

    def answer(self, method, target, headers, body):
        query = parse_qs(urlsplit(target).query, keep_blank_values=True)
        refused = unsigned_header(query, headers) or self._small_part(method, query, body)
        if refused:
            return error(*refused)
        status, answered, content = self._send_on(method, target, headers, body)
        if method == "PUT" and "partNumber" in query and status == 200:
            parts = self._parts.setdefault(query["uploadId"][0], {})
            parts[int(query["partNumber"][0])] = len(body)
        return status, answered, content

    def _small_part(self, method, query, body):
        """A part that is too small for one that others follow.

        Source: Amazon S3 API reference, `CompleteMultipartUpload`, EntityTooSmall.
        """
        if method != "POST" or "uploadId" not in query:
            return None
        listed = sorted(int(number) for number in re.findall(rb"<PartNumber>(\d+)<", body))
        parts = self._parts.get(query["uploadId"][0], {})
        small = [number for number in listed[:-1] if parts.get(number, MIN_PART_BYTES) < MIN_PART_BYTES]
        return (400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size") if small else None

    def _send_on(self, method, target, headers, body):
        connection = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            answered = {name: value for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP}
            return response.status, answered, response.read()
        finally:
            connection.close()


def unsigned_header(query, headers):
    """A header that means something to S3, in a request whose signature does not cover it.

    Source: Amazon S3 API reference, "Authenticating Requests: Using Query Parameters": all x-amz-* headers must be signed.
    Seen on AWS.
    """
    [signed] = query.get("X-Amz-SignedHeaders", [None])
    if signed is None:
        return None
    names = {name.lower() for name in headers if name.lower().startswith("x-amz-")}
    unsigned = names - set(signed.split(";")) - MAY_BE_UNSIGNED
    return (403, "AccessDenied", "There were headers present in the request which were not signed") if unsigned else None


def error(status, code, message):
    """S3's XML for an error."""
    body = f"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, {"Content-Type": "application/xml"}, body.encode()
