"""Decides the answer to each call of a fake AWS, in a program that has an event loop.

One request decides the calls that were seen and waits for the next ones. So there is one connection, and no call waits
for another one's decision to be sent.
"""

import asyncio
import contextlib
import json
import traceback

from . import calls
from .orders import WrongOrder


class Deciding:
    """Awaits `decide(call)`, which returns a fault, for each call until `stop`."""

    def __init__(self, aws, decide):
        self._aws = aws
        self._decide = decide

    async def start(self):
        """Decide from now on."""
        self._reader, self._writer = await asyncio.open_connection(*self._aws.orders_at, limit=2**26)
        await self._order("PUT", None)
        # It ends before `stop` only if something goes wrong.
        self.task = asyncio.create_task(self._run())

    async def stop(self):
        """Decide no more. Raises what went wrong with a decision."""
        self.task.cancel()
        self._writer.close()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def _run(self):
        decisions = {}
        try:
            while True:
                waiting = await self._order("POST", decisions)
                decisions = {}
                for call in waiting:
                    decisions[call["number"]] = await self._decide(calls.Call(**call["call"]))
        except Exception:
            # Otherwise nobody learns of it before the calls have waited in vain.
            traceback.print_exc()
            raise

    async def _order(self, method, body):
        written = json.dumps(body).encode()
        self._writer.write(b"%s /decisions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (method.encode(), len(written)) + written)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        [length] = [line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length:")]
        told = json.loads(await self._reader.readexactly(int(length)))
        if not head.startswith("http/1.1 200"):
            raise WrongOrder(told["error"])
        return told
