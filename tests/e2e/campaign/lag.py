"""Measures what this machine withholds from the lives: processors from the function and its AWS, and time from who decides.

None of it is the function's fault. What the function is judged by is later or less certain by as much, and by no more.
"""

import asyncio
import contextlib
import time


class Lag:
    """Measures how late this process's own event loop is, until the `async with` block ends.

    No call is decided, and no response is noted, while the loop is late.
    """

    # How often it is measured, and from when on it counts, in seconds.
    TICK = 0.025
    COUNTED = 0.05

    def __init__(self):
        # (when, how many seconds late)
        self._late = []

    async def __aenter__(self):
        self._due = time.time() + self.TICK
        self._task = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def since(self, instant):
        """How late the loop was since then, in seconds: all its delays together, up to now."""
        now = time.time()
        total = 0.0
        for when, late in ((now, now - self._due), *reversed(self._late)):
            if when < instant:
                break
            # What was before the instant does not count.
            total += min(late, when - instant) if late > self.COUNTED else 0.0
        return total

    async def _measure(self):
        while True:
            await asyncio.sleep(self._due - time.time())
            now = time.time()
            if now - self._due > self.COUNTED:
                self._late.append((now, now - self._due))
            self._due = now + self.TICK


class Watch:
    """Measures what an environment and its AWS lose to other processes, and to the loop's delays, from now on.

    `since` is an instant that was waited for. The loop may have been late for it.
    """

    def __init__(self, lag, environment, aws, since=None):
        self._lag = lag
        # A call and its answer wait for both of them.
        self._processes = (environment, aws)
        self._since = since or time.time()
        self._waited = self._waits()

    def withheld(self):
        """How many seconds were withheld so far. No call and no response is later than this by this machine's fault."""
        return self._lag.since(self._since) + self._waits() - self._waited

    def _waits(self):
        return sum(process.waited for process in self._processes)
