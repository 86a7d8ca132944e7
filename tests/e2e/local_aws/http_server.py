"""An HTTP server on 127.0.0.1, which listens until a `with` block ends. What it answers is said by a class that inherits it."""

import http.server
import threading


class HttpServer:
    """Calls `answer` for each request, whatever its method."""

    def __init__(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.respond
                raise AttributeError(name)

            def respond(self):
                received = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = server.answer(self.command, self.path, self.headers, received)
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                self.send_response_only(status)
                for name, value in ({"Content-Length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_):
                """Logs nothing, because paths contain signatures."""

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
        """Where the server listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method, target, headers, body):
        """The status, headers and body for a request. None: the connection is closed without an answer."""
        raise NotImplementedError
