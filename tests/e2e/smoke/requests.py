"""HTTP requests as a caller of the API and as a reader of a link sends them."""

import base64
import http.client
import json
from dataclasses import dataclass
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    def problem(self):
        """What the answer says about an error: the function's problem, or the gateway's message."""
        try:
            fields = self.json()
        except ValueError:
            return f"status {self.status}"
        words = fields.get("detail") or fields.get("message") or fields.get("Message") or ""
        return f"status {self.status}: {fields.get('code', '')} {words}".strip()


def send(method, url, body=None, headers=None):
    """Send a request, and follow no redirect."""
    parts = urlsplit(url)
    # Names under .localhost are this machine's, and not every resolver knows that.
    host = "127.0.0.1" if parts.hostname.endswith(".localhost") else parts.hostname
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(host, parts.port, timeout=30)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body=body, headers={"Host": parts.netloc, **(headers or {})})
        response = connection.getresponse()
        return Response(response.status, response.headers, response.read())
    finally:
        connection.close()


def call(session, method, url, body=None, token=None):
    """Send a request to the API: with a token, or signed with the session's credentials."""
    data = None if body is None else json.dumps(body).encode()
    request = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json"})
    if token:
        request.headers["Authorization"] = f"Bearer {token}"
    else:
        credentials = session.get_credentials().get_frozen_credentials()
        SigV4Auth(credentials, "execute-api", session.region_name).add_auth(request)
    return send(method, url, data, dict(request.headers.items()))


def subject(token):
    """The `sub` of a token, which the function takes for the caller's name. The gateway checks the token, not this."""
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
