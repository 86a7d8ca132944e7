"""The server of Lambda's Runtime API, for those that decide what is handed out, and when.

It does as little as possible, because its own work is part of every measurement: no thread, no HTTP library, and it parses
only what it needs. It has no time limits, no phases and no logs, and it accepts every response.

- `runtime_api` hands out one event at a time, and waits for what comes.
- `concurrent_runtime_api` hands out many events at a time, in a thread.
- `campaign.runtime_api` hands out one event at a time, in an event loop.

Sources: AWS Lambda guide, "Using the Lambda runtime API"; for `/restore/next`, "Lambda SnapStart runtime hooks".
"""

import os
import selectors
import socket
import time
from dataclasses import dataclass

FUNCTION_ARN = b"arn:aws:lambda:eu-west-1:123456789012:function:signer"
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'
RESTORED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
# How many bytes are read at once: a small request, and a part of a large one.
SMALL, LARGE = 65_536, 1_048_576


class FunctionFailed(Exception):
    """The function ended, reported an error, or sent no request in time."""


class RuntimeServer:
    """Listens on 127.0.0.1 until `close`."""

    def __init__(self):
        # Other connections than those that may wait to be accepted are made again after one second, two, four and so on.
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        # What has arrived on each connection.
        self._received = {}
        self._process = None

    def close(self):
        """Stop listening and end all connections."""
        for connection in self._received:
            connection.close()
        if self._process is not None:
            os.close(self._process)
        self._selector.close()
        self._listener.close()

    def fileno(self):
        """A file that can be read when there is something to `receive`."""
        return self._selector.fileno()

    def watch(self, pid):
        """Let `receive` raise FunctionFailed as soon as this process has ended."""
        self._process = os.pidfd_open(pid)
        self._selector.register(self._process, selectors.EVENT_READ)

    def receive(self, timeout):
        """The requests that have arrived, each with its connection.

        There may be none if a part of one has, or if nothing has for `timeout` seconds.
        """
        requests, has_ended = [], False
        for key, _ in self._selector.select(timeout):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj == self._process:
                has_ended = True
            elif (request := self._read(key.fileobj)) is not None:
                requests.append((key.fileobj, request))
        if has_ended and not requests:
            raise FunctionFailed("the function ended")
        return requests

    def _accept(self):
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received[connection] = Received()
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, connection):
        """Read what has arrived. Returns the request if it is whole."""
        received = self._received[connection]
        try:
            block = connection.recv(LARGE if received.needed > SMALL else SMALL)
        except ConnectionError:
            block = b""
        if block:
            return received.take(block)
        self._selector.unregister(connection)
        del self._received[connection]
        connection.close()
        return None


class Received:
    """What has arrived on a connection of the next request."""

    def __init__(self):
        self._octets = bytearray()
        # How many bytes the request has, if its head has arrived, or 0.
        self.needed = 0

    def take(self, block):
        """Take what has arrived. Returns the request if it is whole."""
        # Most requests arrive at once.
        octets = block
        if self._octets:
            self._octets += block
            if len(self._octets) < self.needed:
                return None
            octets = self._octets
        head, end, body = octets.partition(b"\r\n\r\n")
        if end:
            self.needed = len(head) + len(end) + length_of_body(head)
            if len(octets) >= self.needed:
                self._octets = bytearray()
                self.needed = 0
                return Request(bytes(head), body, time.perf_counter())
        if not self._octets:
            self._octets = bytearray(block)
        return None


@dataclass
class Request:
    """A request that the function sent."""

    head: bytes
    # Bytes, or an array of them.
    body: bytes
    # When all of it had arrived, as `time.perf_counter` counts.
    arrived: float

    def is_get(self, path=""):
        """Whether it is a GET for this path, which is without the version in front of it."""
        return self.head.startswith(b"GET ") and path.encode() + b" " in self.head

    def answers(self):
        """The id of the request that it answers, and whether with a "response" or an "error"."""
        *_, request_id, kind = self.head.split(b" ", 2)[1].decode().split("/")
        return request_id, kind

    def __str__(self):
        return f"{self.head.splitlines()[0].decode()} {bytes(self.body[:500])!r}"


def length_of_body(head):
    """How long the body is that follows this head."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
        if name.lower() == b"transfer-encoding":
            raise FunctionFailed("the function sent a chunked response, which this Runtime API can't read")
    return 0


def answer_with(event, request_id, deadline):
    """The answer to the request for an event. `deadline` is in seconds since 1970."""
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Lambda-Runtime-Aws-Request-Id: %s\r\n"
        b"Lambda-Runtime-Deadline-Ms: %d\r\nLambda-Runtime-Invoked-Function-Arn: %s\r\n"
        b"Lambda-Runtime-Trace-Id: Root=1-6b03c29d-1ff5a4ab7f8e3d2a1c0b9e8d;Sampled=0\r\n"
        b"Content-Length: %d\r\n\r\n" % (request_id.encode(), deadline * 1000, FUNCTION_ARN, len(event))
    )
    return head + event
