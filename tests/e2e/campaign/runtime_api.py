"""The Runtime API of one process: it hands out one event at a time and notes when the answer arrived."""

import asyncio
import collections
import contextlib
import time
from dataclasses import dataclass

from bare_lambda.runtime_server import ACCEPTED, RuntimeServer, answer_with


@dataclass
class Response:
    """What the function answered to an event."""

    # "response", or "error".
    kind: str
    body: bytes
    # When it had arrived, in seconds since 1970.
    arrived_at: float


class RuntimeApi:
    """Serves one process in the running event loop. It is asked for events by no other."""

    def __init__(self):
        self._events = collections.deque()
        # The connections on which the process waits for an event.
        self._waiting = collections.deque()
        self._responses = asyncio.Queue()
        self.next_was_asked = asyncio.Event()

    def start(self):
        self._server = RuntimeServer()
        self.address = self._server.address
        asyncio.get_running_loop().add_reader(self._server.fileno(), self._receive)

    def stop(self):
        asyncio.get_running_loop().remove_reader(self._server.fileno())
        self._server.close()

    def hand_out(self, event, request_id, deadline):
        """Hand out an event, as soon as it is asked for. `deadline` is in seconds since 1970."""
        self.next_was_asked.clear()
        self._events.append(answer_with(event, request_id, deadline))
        self._send()

    async def response(self):
        """The response to the event."""
        return await self._responses.get()

    def _receive(self):
        for connection, request in self._server.receive(0.0):
            if request.is_get():
                self.next_was_asked.set()
                self._waiting.append(connection)
                self._send()
            else:
                _, kind = request.answers()
                self._responses.put_nowait(Response(kind, bytes(request.body), time.time()))
                send(connection, ACCEPTED)

    def _send(self):
        if self._waiting and self._events:
            send(self._waiting.popleft(), self._events.popleft())


def send(connection, answer):
    """Send an answer. It is small enough to wait in the connection until the process reads it."""
    # The process may have been killed.
    with contextlib.suppress(OSError):
        connection.sendall(answer)
