"""Callers of the API: IAM users with keys, requests signed with them, and what came back.

Only ever connects to 127.0.0.1, follows no redirect, and asks no proxy.
"""

import http.client
import json
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from . import isolation


def encode_path(key):
    """A key as it stands in a URL's path."""
    return quote(key, safe="/")


def encode_query(value):
    """A value as it stands in a URL's query. A signature also covers how the slashes are written."""
    return quote(value, safe="")


@dataclass(frozen=True)
class Response:
    """What came back. Header names are in lower case."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def send(method, url, body=None, headers=None):
    """Send a request as it stands: a link opened by whoever has it, or a caller without credentials."""
    parts = urlsplit(url)
    if parts.hostname != "127.0.0.1" and not parts.hostname.endswith(".localhost"):
        raise ValueError(f"{parts.hostname} is not this machine")
    # The name goes into the Host header, as the client would send it; it isn't looked up.
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target or "/", body=body, headers={"Host": parts.netloc, **(headers or {})})
        response = connection.getresponse()
        lower = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, lower, response.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Caller:
    """An IAM user with keys."""

    name: str
    access_key_id: str
    secret_access_key: str

    def request(self, method, url, body=None, headers=None):
        """Send a request signed with this caller's keys; a dict or list goes as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        keys = Credentials(self.access_key_id, self.secret_access_key)
        SigV4Auth(keys, "execute-api", isolation.REGION).add_auth(request)
        return send(method, url, body, dict(request.headers.items()))


def create_caller(aws, deployment, name, allowed="*"):
    """Create a user who may call the API, or only the part of it given, as `GET/session`. May do nothing else."""
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="call-the-api",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Action": "execute-api:Invoke",
                    "Resource": f"arn:aws:execute-api:{isolation.REGION}:*:{deployment.api_id}/$default/{allowed}",
                },
            }
        ),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Caller(name, key["AccessKeyId"], key["SecretAccessKey"])
