"""An HTTP API on 127.0.0.1 in front of a function: HTTP requests become events of payload 2.0.

It has the one route `$default` and a JWT authorizer's manners: without a token that it knows, the caller gets API
Gateway's 401, and the function is not invoked. The tokens are random texts whose claims it has been told.
"""

import base64
import http.server
import json
import threading
from urllib.parse import urlsplit

from local_lambda import requests

# Content types whose bodies HTTP APIs pass on as text.
# Source: API Gateway developer guide, "Create AWS Lambda proxy integrations for HTTP APIs".
TEXT = ("text/", "application/json", "application/javascript", "application/xml")


class HttpApi:
    """Listens until the `with` block ends. `tokens` has the claims of each token."""

    def __init__(self, function, tokens):
        self.function = function
        self.tokens = tokens
        # The emulator takes one event at a time.
        self._alone = threading.Lock()
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                # HTTP knows more methods than the function: it answers them all.
                if name.startswith("do_"):
                    return self.answer
                raise AttributeError(name)

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, headers, answer = api.answer(self.command, self.path, self.headers, body)
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            def log_message(self, *_):
                """Logs nothing, because the paths of tests are long."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method, target, headers, body):
        """The status, headers and body for a request."""
        scheme, _, token = (headers.get("Authorization") or "").partition(" ")
        claims = self.tokens.get(token) if scheme.lower() == "bearer" else None
        if claims is None:
            return 401, {"Content-Type": "application/json"}, b'{"message":"Unauthorized"}'
        with self._alone:
            answer = self.function.request(event(method, target, headers, body, claims))
        return answer.status, answer.headers, answer.body


def event(method, target, headers, body, claims):
    """The event for a request of the caller with these claims."""
    event = requests.fixture("http-api/post-links-jwt")
    parts = urlsplit(f"http://{headers.get('Host')}{target}")
    context = event["requestContext"]
    context["authorizer"]["jwt"]["claims"] = claims
    context["http"].update(method=method, path=parts.path)
    event["routeKey"] = context["routeKey"] = "$default"
    event["rawPath"], event["rawQueryString"] = parts.path, parts.query
    event["headers"] = {name.lower(): ",".join(headers.get_all(name)) for name in headers}
    del event["body"]
    if body:
        is_text = headers.get("Content-Type", "").startswith(TEXT)
        event["isBase64Encoded"] = not is_text
        event["body"] = body.decode("utf-8", "replace") if is_text else base64.b64encode(body).decode()
    return json.loads(json.dumps(event))
