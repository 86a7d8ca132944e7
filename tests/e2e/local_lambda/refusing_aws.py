"""An AWS that says no to everything and remembers what it was asked.

For a function that should ask nobody: whatever it asks all the same stays on this machine, is answered
at once, and can be counted.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NO = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class RefusingAws:
    """Listens on 127.0.0.1 for as long as the `with` block lasts."""

    def __init__(self):
        self.asked = []

    def __enter__(self):
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def refuse(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                asked.append((self.command, self.path))
                self.send_response(403)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(NO)))
                self.end_headers()
                self.wfile.write(NO)

            do_GET = do_POST = refuse

            def log_message(self, *_):
                """Says nothing: paths hold signatures."""

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
