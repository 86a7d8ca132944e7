"""A stand-in for Lambda's Runtime API that hands out one event at a time, to one function."""

import collections
import time

from .runtime_server import ACCEPTED, FUNCTION_ARN, RESTORED, FunctionFailed, RuntimeServer, answer_with

__all__ = ["FUNCTION_ARN", "FunctionFailed", "RuntimeApi"]


class RuntimeApi:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self, timeout=60.0):
        """`timeout` is how many seconds the function may take to its next request."""
        self._timeout = timeout
        self._invocations = 0
        self._requests = collections.deque()
        # The connections on which the function waits: for an event, for the acceptance of its response, and
        # for its restoration from a snapshot.
        self._waiting = self._responded = self._restoring = None

    def __enter__(self):
        self._server = RuntimeServer()
        self.address = self._server.address
        return self

    def __exit__(self, *_):
        self._server.close()

    def watch(self, pid):
        """Raise FunctionFailed as soon as this process ends."""
        self._server.watch(pid)

    def wait_for_next(self):
        """Wait until the function asks for an event. Returns the time at which it did."""
        while self._waiting is None:
            connection, request = self._request()
            if not request.is_get("/invocation/next"):
                raise FunctionFailed(f"the function did not ask for an event: {request}")
            self._waiting = connection
        return request.arrived

    def wait_for_restore_next(self):
        """Wait until the function says that its snapshot can be taken, as functions with SnapStart do."""
        connection, request = self._request()
        if not request.is_get("/restore/next"):
            raise FunctionFailed(f"the function did not wait to be restored: {request}")
        self._restoring = connection

    def restore(self):
        """Tell the function that it has been restored from its snapshot."""
        self._restoring.sendall(RESTORED)

    def invoke(self, event):
        """Hand out an event, as bytes. Returns the response as bytes, and the time at which all of it had arrived.

        The function learns only from `accept` that its response was accepted.
        """
        if self._waiting is None:
            self.wait_for_next()
        self._invocations += 1
        request_id = f"00000000-0000-4000-8000-{self._invocations:012}"
        self._waiting.sendall(answer_with(event, request_id, time.time() + 900))
        self._waiting = None
        connection, request = self._request()
        if not request.head.startswith(b"POST ") or b"/response " not in request.head:
            raise FunctionFailed(f"the function did not respond: {request}")
        self._responded = connection
        return request.body, request.arrived

    def accept(self):
        """Tell the function that its response was accepted."""
        self._responded.sendall(ACCEPTED)

    def _request(self):
        """The next request on any connection, with that connection."""
        deadline = time.monotonic() + self._timeout
        while not self._requests:
            left = deadline - time.monotonic()
            if left <= 0.0:
                raise FunctionFailed(f"the function sent no request for {self._timeout:.0f} s")
            self._requests += self._server.receive(left)
        return self._requests.popleft()
