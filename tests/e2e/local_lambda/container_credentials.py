"""A container credentials endpoint, as in ECS, EKS and Lambda SnapStart. It states when its credentials end.

Source: AWS SDKs and Tools reference guide, "Container credential provider".
"""

import json
import secrets
import threading
from datetime import timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ContainerCredentials:
    """Listens on 127.0.0.1 until the `with` block ends, and returns the credentials last passed to `serve`."""

    def __init__(self):
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
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._server.server_port}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": self._token,
        }

    def __enter__(self):
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                endpoint.requests += 1
                allowed = self.headers.get("Authorization") == endpoint._token and self.path == "/credentials"
                status = 401 if not allowed else 200 if endpoint._served else 404
                body = json.dumps(endpoint._served if status == 200 else {"code": str(status)}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Logs nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
