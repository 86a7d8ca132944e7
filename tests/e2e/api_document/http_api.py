"""An HTTP API on 127.0.0.1 in front of a function: HTTP requests become events of payload 2.0.

It has a JWT authorizer's manners: without a token that it knows, the caller gets API Gateway's 401, and the function is
not invoked. The tokens are random texts whose claims it has been told. `/s/{token}` is for anyone, as in template.yaml.
"""

import base64
import json
import re
import threading
from urllib.parse import urlsplit

from local_lambda import requests
from local_aws.http_server import HttpServer

# Content types whose bodies HTTP APIs pass on as text.
# Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
TEXT = ("text/", "application/json", "application/javascript", "application/xml")


class HttpApi(HttpServer):
    """Answers with what the function answers. `tokens` has the claims of each token."""

    def __init__(self, function, tokens):
        super().__init__()
        self.function = function
        self.tokens = tokens
        # The emulator takes one event at a time.
        self._alone = threading.Lock()

    def answer(self, method, target, headers, body):
        scheme, _, token = (headers.get("Authorization") or "").partition(" ")
        claims = self.tokens.get(token) if scheme.lower() == "bearer" else None
        if claims is None and not is_public(target):
            return 401, {"Content-Type": "application/json"}, b'{"message":"Unauthorized"}'
        with self._alone:
            answer = self.function.request(event(method, target, headers, body, claims))
        return answer.status, answer.headers, answer.body


def is_public(target):
    """Whether a route without an authorizer matches."""
    return re.fullmatch(r"/s/[^/?]+(\?.*)?", target) is not None


def event(method, target, headers, body, claims):
    """The event for a request of the caller with these claims. Nobody is authenticated on a public route."""
    event = requests.fixture("http-api/post-links-jwt")
    parts = urlsplit(f"http://{headers.get('Host')}{target}")
    context = event["requestContext"]
    if is_public(target):
        del context["authorizer"]
    else:
        context["authorizer"]["jwt"]["claims"] = claims
    context["http"].update(method=method, path=parts.path)
    event["routeKey"] = context["routeKey"] = "$default"
    event["rawPath"], event["rawQueryString"] = parts.path, parts.query
    event["headers"] = {name.lower(): ",".join(headers.get_all(name)) for name in headers}
    if cookies := event["headers"].pop("cookie", None):
        event["cookies"] = cookies.split("; ")
    del event["body"]
    if body:
        is_text = headers.get("Content-Type", "").startswith(TEXT)
        event["isBase64Encoded"] = not is_text
        event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return json.loads(json.dumps(event))
