"""Runs many lives at the same time."""

import asyncio

from . import plan
from .lag import Lag
from .mailer_life import MailerLife
from .signer_life import SignerLife

# The lives mostly wait, so many of them fit on a small machine. More make it late.
AT_ONCE = 80
LIVES = {"signer": SignerLife, "mailer": MailerLife}


async def run(lives, command, counters, at_once=AT_ONCE, progress=None):
    """Live these lives, and count. After each life, `progress` is told how many are over."""
    waiting = iter(lives)
    over = 0

    async def live_some(lag):
        nonlocal over
        for life in waiting:
            await LIVES[life.function](life, command, counters, lag).live()
            over += 1
            if progress:
                progress(over, counters)

    async with Lag() as lag:
        async with asyncio.TaskGroup() as some:
            for _ in range(at_once):
                some.create_task(live_some(lag))


def planned(seed, numbers, most_steps=plan.MOST_STEPS):
    """The lives with these numbers."""
    return [plan.life(seed, number, most_steps) for number in numbers]
