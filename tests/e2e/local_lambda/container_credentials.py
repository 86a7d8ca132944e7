"""A container credentials endpoint, as in ECS, EKS and Lambda SnapStart. It states when its credentials end.

Source: AWS SDKs and Tools reference guide, "Container credential provider".
"""

import json
import secrets
from datetime import timezone

from local_aws.http_server import HttpServer


class ContainerCredentials(HttpServer):
    """Returns the credentials last passed to `serve`."""

    def __init__(self):
        super().__init__()
        # How many requests there were so far.
        self.requests = 0
        self._token = secrets.token_hex(20)
        self._served = None

    def serve(self, credentials):
        """Return these credentials from now on. They have the form in which STS returns them. With None there are none."""
        self._served = credentials and {
            "AccessKeyId": credentials["AccessKeyId"],
            "SecretAccessKey": credentials["SecretAccessKey"],
            "Token": credentials["SessionToken"],
            "Expiration": credentials["Expiration"].astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def variables(self):
        """The environment variables with which a function finds this endpoint."""
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{self.url}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def answer(self, method, target, headers, body):
        self.requests += 1
        allowed = headers.get("Authorization") == self._token and target == "/credentials"
        status = 401 if not allowed else 200 if self._served else 404
        answer = self._served if status == 200 else {"code": str(status)}
        return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()
