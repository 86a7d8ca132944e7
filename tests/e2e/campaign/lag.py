"""Measures how late this process's own event loop is. A machine that is too busy judges nobody."""

import asyncio
import contextlib
import time


class Lag:
    """Measures until the `async with` block ends."""

    ALLOWED = 0.3

    def __init__(self):
        # (when, how many seconds late)
        self._late = []

    async def __aenter__(self):
        self._task = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def since(self, instant):
        """The worst since then, in seconds."""
        return max((late for when, late in self._late if when >= instant), default=0.0)

    async def _measure(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            late = time.monotonic() - before - 0.05
            if late > 0.05:
                self._late.append((time.time(), late))
