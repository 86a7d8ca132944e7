"""An HTTP server on 127.0.0.1 that can do to its connections what happens to them while a function is frozen.

The standard library's server has one thread for each connection. Hundreds of lives have thousands of connections.
"""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, field

# A server that hangs gives the connection up after this many seconds.
HANG_SECONDS = 20.0
# How much an answer without end sends at most, in bytes. A function that reads all of it takes as much memory.
ENDLESS_BYTES = 4 * 1024 * 1024

# What becomes of a connection that lies idle during a freeze. Forgotten: the server, or a gateway before it, knows it
# no more and answers the next byte with a reset.
FATES = ("kept", "closed", "reset", "forgotten")


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    # Path and query.
    target: str
    headers: dict
    body: bytes
    # The request line and the headers, as text.
    head: str


@dataclass
class Answer:
    """What is sent back."""

    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    # How many seconds it takes.
    delay: float = 0.0
    # None, or how it goes wrong: "hang", "reset" or "endless".
    failure: str = None


class Server:
    """Listens until `stop`. `answer` is a coroutine function that takes a `Request` and returns an `Answer`."""

    def __init__(self, answer):
        self._answer = answer
        self._connections = set()
        # How many requests came through connections that are forgotten.
        self.requests_in_vain = 0

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        self.url = f"http://{self.address}"
        return self

    async def stop(self):
        """Stop listening and end all connections."""
        self._server.close()
        for connection in list(self._connections):
            connection.task.cancel()
        await asyncio.gather(*(connection.task for connection in list(self._connections)), return_exceptions=True)

    def freeze(self, source, busy=False):
        """Let each idle connection have one of the `FATES`, drawn from `source`. `busy`: the others too."""
        for connection in list(self._connections):
            if busy or not connection.is_busy:
                connection.meet(source.choice(FATES))

    async def _serve(self, reader, writer):
        connection = Connection(writer, asyncio.current_task())
        self._connections.add(connection)
        try:
            while (request := await read_request(reader)) is not None:
                if connection.is_forgotten:
                    self.requests_in_vain += 1
                    connection.reset()
                    return
                connection.is_busy = True
                if not await self._respond(reader, connection, request):
                    return
                connection.is_busy = False
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            writer.close()

    async def _respond(self, reader, connection, request):
        """Answer. Returns whether the connection goes on."""
        answer = await self._answer(request)
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.failure == "hang":
            # It ends sooner if the function gives the connection up.
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(1), HANG_SECONDS)
            return False
        if answer.failure == "reset":
            connection.reset()
            return False
        writer = connection.writer
        length = "" if answer.failure == "endless" else str(len(answer.body))
        head = [f"HTTP/1.1 {answer.status} Answer", *(f"{name}: {value}" for name, value in answer.headers.items())]
        if length and not any(name.lower() == "content-length" for name in answer.headers):
            head.append(f"Content-Length: {length}")
        writer.write("\r\n".join([*head, "", ""]).encode("latin-1", "replace"))
        if answer.failure == "endless":
            for _ in range(ENDLESS_BYTES // 65536):
                writer.write(b"<a>" * 21845)
                await writer.drain()
            return False
        if request.method != "HEAD":
            writer.write(answer.body)
        await writer.drain()
        return True


class Connection:
    """One connection of the function's."""

    def __init__(self, writer, task):
        self.writer = writer
        self.task = task
        self.is_busy = False
        self.is_forgotten = False

    def meet(self, fate):
        """Let one of the `FATES` happen."""
        if fate == "closed":
            self.writer.close()
        elif fate == "reset":
            self.reset()
        elif fate == "forgotten":
            self.is_forgotten = True

    def reset(self):
        """End the connection with a reset instead of an ordinary close."""
        own = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


async def read_request(reader):
    """The next request of a connection. None if the connection was closed instead."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    text = head.decode("latin-1")
    first, *lines = text.split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    method, target, _ = first.split(" ", 2)
    length = int(headers.get("content-length", 0))
    body = await reader.readexactly(length) if length else b""
    return Request(method, target, headers, body, text)
