"""Runs many lives at the same time."""

import asyncio

from . import plan
from .counters import Counters
from .life import Lag, LivingLife

# The lives mostly wait, so many of them fit on a small machine. More make it late.
AT_ONCE = 40


async def run(seed, numbers, command, at_once=AT_ONCE, progress=None):
    """Live the lives with these numbers. Returns the counters."""
    counters = Counters()
    waiting = iter(numbers)

    async def live_some(lag):
        for number in waiting:
            await LivingLife(plan.life(seed, number), command, counters, lag).live()
            if progress:
                progress(counters)

    async with Lag() as lag:
        async with asyncio.TaskGroup() as lives:
            for _ in range(at_once):
                lives.create_task(live_some(lag))
    return counters
