"""The Runtime API of one process: it hands out one event at a time and notes when the answer arrived."""

import asyncio
import time
from dataclasses import dataclass

from bare_lambda.runtime_api import FUNCTION_ARN

from .server import Answer, Server


@dataclass
class Response:
    """What the function answered to an event."""

    # "response", or "error".
    kind: str
    body: bytes
    # When it had arrived, in seconds since 1970.
    arrived_at: float


class RuntimeApi:
    """Serves one process. It is asked for events by no other."""

    def __init__(self):
        self._server = Server(self._answer)
        self._events = asyncio.Queue()
        self._responses = asyncio.Queue()
        self.next_was_asked = asyncio.Event()

    async def start(self):
        await self._server.start()
        self.address = self._server.address
        return self

    async def stop(self):
        await self._server.stop()

    def hand_out(self, event, request_id, deadline):
        """Hand out an event. `deadline` is in seconds since 1970."""
        self.next_was_asked.clear()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN.decode(),
        }
        self._events.put_nowait(Answer(200, event, headers))

    async def response(self):
        """The response to the event."""
        return await self._responses.get()

    async def _answer(self, request):
        if request.method == "GET":
            self.next_was_asked.set()
            return await self._events.get()
        kind = request.target.rsplit("/", 1)[-1]
        self._responses.put_nowait(Response(kind, request.body, time.time()))
        return Answer(202, b'{"status":"OK"}', {"Content-Type": "application/json"})
