"""A stand-in for Lambda's Runtime API. It hands out events and takes responses, for one function at a time.

It does as little as possible, because its own work is part of every measurement: one thread, no HTTP library,
and it parses only what it needs. It has no time limits, no phases and no logs, and it accepts every response.

Sources: AWS Lambda guide, "Using the Lambda runtime API"; for `/restore/next`, "Lambda SnapStart runtime hooks".
"""

import os
import selectors
import socket
import time

FUNCTION_ARN = b"arn:aws:lambda:eu-west-1:123456789012:function:signer"
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'
RESTORED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class FunctionFailed(Exception):
    """The function ended, reported an error, or sent no request in time."""


class RuntimeApi:
    """Listens on 127.0.0.1 until the `with` block ends."""

    def __init__(self, timeout=60.0):
        """`timeout` is how many seconds the function may take to its next request."""
        self._timeout = timeout
        self._invocations = 0
        # The connections on which the function waits: for an event, for the acceptance of its response, and
        # for its restoration from a snapshot.
        self._waiting = self._responded = self._restoring = None

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._connections = set()
        self._process = None
        return self

    def __exit__(self, *_):
        for connection in self._connections:
            connection.close()
        if self._process is not None:
            os.close(self._process)
        self._selector.close()
        self._listener.close()

    def watch(self, pid):
        """Raise FunctionFailed as soon as this process ends."""
        self._process = os.pidfd_open(pid)
        self._selector.register(self._process, selectors.EVENT_READ)

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
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-8000-%012d\r\n"
            b"Lambda-Runtime-Deadline-Ms: %d\r\nLambda-Runtime-Invoked-Function-Arn: %s\r\n"
            b"Lambda-Runtime-Trace-Id: Root=1-6b03c29d-1ff5a4ab7f8e3d2a1c0b9e8d;Sampled=0\r\n"
            b"Content-Length: %d\r\n\r\n"
            % (self._invocations, (time.time() + 900) * 1000, FUNCTION_ARN, len(event))
        )
        self._waiting.sendall(head + event)
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
        while True:
            ready = self._selector.select(deadline - time.monotonic())
            if not ready:
                raise FunctionFailed(f"the function sent no request for {self._timeout:.0f} s")
            for key, _ in ready:
                if key.fileobj is self._listener:
                    connection, _ = self._listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._connections.add(connection)
                    self._selector.register(connection, selectors.EVENT_READ)
                    continue
                if key.fileobj == self._process:
                    raise FunctionFailed("the function ended")
                request = read_request(key.fileobj)
                if request is not None:
                    return key.fileobj, request
                self._selector.unregister(key.fileobj)
                self._connections.discard(key.fileobj)
                key.fileobj.close()


class Request:
    """A request that the function sent."""

    def __init__(self, head, body, arrived):
        self.head = head
        self.body = body
        self.arrived = arrived

    def is_get(self, path):
        """Whether it is a GET for this path, which is without the version in front of it."""
        return self.head.startswith(b"GET ") and path.encode() + b" " in self.head

    def __str__(self):
        return f"{self.head.splitlines()[0].decode()} {bytes(self.body[:500])!r}"


def read_request(connection):
    """Read a request that has begun to arrive. None if the connection was closed instead."""
    received = connection.recv(65536)
    if not received:
        return None
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"transfer-encoding":
            raise FunctionFailed("the function sent a chunked response, which this Runtime API can't read")
    if len(body) < length:
        whole = bytearray(length)
        whole[: len(body)] = body
        rest = memoryview(whole)[len(body) :]
        while rest:
            count = connection.recv_into(rest)
            if count == 0:
                raise FunctionFailed("the function closed the connection within a response")
            rest = rest[count:]
        body = whole
    return Request(head, body, time.perf_counter())
