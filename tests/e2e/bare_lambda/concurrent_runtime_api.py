"""A stand-in for Lambda's Runtime API that gives one process many events at a time, as Lambda Managed Instances do.

It hands out all of its events as soon as the function asks for them, and keeps the responses by request id.

Source: AWS Lambda guide, "Lambda Managed Instances runtime": a runtime asks for as many events at a time as
AWS_LAMBDA_MAX_CONCURRENCY says.
"""

import threading
import time

from .runtime_server import ACCEPTED, RuntimeServer, answer_with

DEADLINE = 60.0
# How often the thread looks whether it has to end, in seconds.
TICK = 0.2


class ConcurrentRuntimeApi:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self, events):
        """`events` maps request ids to events, as bytes."""
        # The kind and the body of each response.
        self.responses = {}
        self.most_at_once = 0
        self.finished = threading.Event()
        self._events = [*events.items()]
        self._count = len(events)
        self._is_over = threading.Event()

    def __enter__(self):
        self._server = RuntimeServer()
        self.address = self._server.address
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()
        self._server.close()

    def _serve(self):
        running = set()
        while not self._is_over.is_set():
            for connection, request in self._server.receive(TICK):
                if not request.is_get():
                    request_id, kind = request.answers()
                    running.discard(request_id)
                    self.responses[request_id] = (kind, bytes(request.body))
                    connection.sendall(ACCEPTED)
                elif self._events:
                    request_id, event = self._events.pop(0)
                    running.add(request_id)
                    self.most_at_once = max(self.most_at_once, len(running))
                    connection.sendall(answer_with(event, request_id, time.time() + DEADLINE))
            if len(self.responses) == self._count:
                self.finished.set()
