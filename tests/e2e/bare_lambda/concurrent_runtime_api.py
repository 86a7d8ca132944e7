"""A stand-in for Lambda's Runtime API that gives one process many events at a time, as Lambda Managed Instances do.

It hands out all of its events as soon as the function asks for them, and keeps the responses by request id.

Source: AWS Lambda guide, "Lambda Managed Instances runtime": a runtime asks for as many events at a time as
AWS_LAMBDA_MAX_CONCURRENCY says.
"""

import http.server
import queue
import threading
import time

from bare_lambda.runtime_api import FUNCTION_ARN


class Server(http.server.ThreadingHTTPServer):
    """Lets as many connections wait to be accepted as the function makes at once.

    By default five may wait. The others are made again after one second, two, four and so on.
    """

    request_queue_size = 128
    daemon_threads = True


class ConcurrentRuntimeApi:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self, events):
        """`events` maps request ids to events, as bytes."""
        self.responses = {}
        self.most_at_once = 0
        self._running = set()
        self._lock = threading.Lock()
        self._events = queue.Queue()
        self.finished = threading.Event()
        self._count = len(events)
        for item in events.items():
            self._events.put(item)

    def __enter__(self):
        self._server = Server(("127.0.0.1", 0), self._handler())
        self.address = "127.0.0.1:%d" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _begin(self):
        request_id, event = self._events.get()
        with self._lock:
            self._running.add(request_id)
            self.most_at_once = max(self.most_at_once, len(self._running))
        return request_id, event

    def _end(self, request_id, response):
        with self._lock:
            self._running.discard(request_id)
            self.responses[request_id] = response
            if len(self.responses) == self._count:
                self.finished.set()

    def _handler(self):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                request_id, event = api._begin()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", FUNCTION_ARN.decode())
                self.send_header("Content-Length", str(len(event)))
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kind, request_id = self.path.split("/")[-1], self.path.split("/")[-2]
                api._end(request_id, (kind, body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Logs nothing."""

        return Handler
