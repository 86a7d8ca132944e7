"""Runs many lives at the same time."""

import sys

from local_lambda import secrecy

from . import counters as count
from . import plan, spreading
from .counters import Counters
from .lag import Lag
from .mailer_life import MailerLife
from .signer_life import SignerLife

# The lives mostly wait, so many of them fit on a small machine. More make it late.
AT_ONCE = 80
LIVES = {"signer": SignerLife, "mailer": MailerLife}


async def run(lives, command, counters, at_once=AT_ONCE):
    """Live these lives, and count."""
    # Those of the mailer last longest. If they come first, no process is left with one of them.
    lives = sorted(lives, key=lambda life: life.function != "mailer")
    for lived in await spreading.spread(live, lives, at_once, command):
        counters.take(lived)


async def live(lives, at_once, command):
    """Live these lives in this process. Returns the counters."""
    counters = Counters()
    words = {}

    async def live_one(planned):
        life = LIVES[planned.function](planned, command, counters, lag)
        await life.live()
        words[planned.name] = life.words()
        if len(words) % 50 == 0:
            so_far = f"{len(words)} of {len(lives)} lives of a process are over, {len(counters.faults)} faults"
            print(so_far, file=sys.stderr, flush=True)

    async with Lag() as lag:
        await spreading.in_lanes(live_one, lives, at_once)
    # A search takes a tenth of a second and more. Meanwhile no answer could be decided in this process.
    for name, (spoken, secrets) in words.items():
        leaks = secrecy.leaks(spoken, secrets)
        if leaks:
            counters.fault(count.SECRETS, name, f"{leaks[0]} and {len(leaks) - 1} more in outputs and answers")
    return counters


def planned(seed, numbers, most_steps=plan.MOST_STEPS):
    """The lives with these numbers."""
    return [plan.life(seed, number, most_steps) for number in numbers]
