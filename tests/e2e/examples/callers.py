"""Who asks for links: an IAM user, the user's temporary session, and a user of Cognito with tokens.

Each has the variables with which the READMEs have them run the examples, and what the API answers to the same request.
"""

import json
from dataclasses import dataclass, field

from local_aws import api_client, isolation


@dataclass(frozen=True)
class Caller:
    """Somebody who runs an example."""

    api_url: str
    # What the README says to set.
    variables: dict
    # What the user has set before, such as credentials.
    credentials: dict = field(default_factory=dict)

    def refusal(self, key):
        """The sentence with which the API refuses this caller a link. It is asked without the examples' code."""
        url, body = f"{self.api_url}/links", {"key": key, "check": True}
        if "TOKEN" in self.variables:
            headers = {"Authorization": f"Bearer {self.variables['TOKEN']}"}
            response = api_client.send("POST", url, json.dumps(body).encode(), headers)
        else:
            response = self._signed().request("POST", url, body)
        assert response.status >= 400, "the API gives the link"
        problem = response.json()
        return problem["detail" if "code" in problem else "message"]

    def _signed(self):
        return api_client.Caller("", self.credentials["AWS_ACCESS_KEY_ID"], self.credentials["AWS_SECRET_ACCESS_KEY"])


def address(aws, stack):
    """The API's address as every program finds it, at the local AWS: not all look *.localhost up."""
    return f"{aws.url}/_aws/execute-api/{stack.api_id}/$default"


def with_iam(aws, stack, access_key_id, secret_access_key, session_token=None):
    """Who has these credentials in the environment."""
    url = address(aws, stack)
    credentials = {"AWS_ACCESS_KEY_ID": access_key_id, "AWS_SECRET_ACCESS_KEY": secret_access_key}
    if session_token:
        credentials["AWS_SESSION_TOKEN"] = session_token
    return Caller(url, {"API_URL": url, "AWS_REGION": isolation.REGION}, credentials)


def with_token(aws, stack, token):
    """Who has a token."""
    url = address(aws, stack)
    return Caller(url, {"API_URL": url, "TOKEN": token})
