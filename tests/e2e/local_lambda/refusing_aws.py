"""A server that stands for every AWS service, refuses every request with 403, and records it.

It is for functions that should send no requests. If one does, the request stays on this machine, fails at once,
and can be counted.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCESS_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class RefusingAws:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self):
        # The method and the path of each request so far.
        self.received = []

    def __enter__(self):
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def refuse(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                received.append((self.command, self.path))
                self.send_response(403)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(ACCESS_DENIED)))
                self.end_headers()
                self.wfile.write(ACCESS_DENIED)

            do_GET = do_POST = refuse

            def log_message(self, *_):
                """Logs nothing, because paths contain signatures."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"
