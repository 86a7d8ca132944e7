"""Sends HTTP requests to the API and to S3, with or without the signature of an IAM user.

It connects only to 127.0.0.1, follows no redirects and uses no proxy.
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
    """An object key, encoded for a URL's path."""
    return quote(key, safe="/")


def encode_query(value):
    """A value, encoded for a URL's query. Slashes are encoded too, because SigV4 signs them encoded."""
    return quote(value, safe="")


@dataclass(frozen=True)
class Response:
    """An HTTP response. Header names are in lower case."""

    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)


def send(method, url, body=None, headers=None):
    """Send a request without adding a signature. That is how a link is opened."""
    parts = urlsplit(url)
    if parts.hostname != "127.0.0.1" and not parts.hostname.endswith(".localhost"):
        raise ValueError(f"{parts.hostname} is not this machine")
    # The Host header has the URL's host name, which is not looked up.
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
    """An IAM user with an access key."""

    name: str
    access_key_id: str
    secret_access_key: str

    def request(self, method, url, body=None, headers=None):
        """Send a request signed with this user's key. A dict or a list is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        keys = Credentials(self.access_key_id, self.secret_access_key)
        SigV4Auth(keys, "execute-api", isolation.REGION).add_auth(request)
        return send(method, url, body, dict(request.headers.items()))


def create_caller(aws, deployment, name, allowed="*"):
    """Create an IAM user whose only permission is to call the API.

    `allowed` restricts it to some routes, such as `GET/session`.
    """
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
