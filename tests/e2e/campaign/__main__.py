"""`make campaign`: 1,000 lives of the built function, and 1,000 environments that were made ahead of need."""

import argparse
import asyncio
import random
import sys
import time

from local_aws import isolation, paths

from . import plan, running, thawed
from .counters import Counters


def main():
    """Live, print, and fail if anything went wrong."""
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="decides what happens (a new one)")
    parser.add_argument("--lives", type=int, default=1000, help="how many lives (%(default)s)")
    parser.add_argument("--steps", type=int, default=plan.MOST_STEPS, help="a life has so many invocations at most (%(default)s)")
    parser.add_argument("--life", type=int, help="print the plan of the life with this number, and live it alone")
    parser.add_argument("--thawed", type=int, default=1000, help="how many environments made ahead of need (%(default)s)")
    parser.add_argument("--at-once", type=int, default=running.AT_ONCE, help="how many lives at a time (%(default)s)")
    parser.add_argument("--bootstrap", default=paths.BOOTSTRAP, help="the built function")
    arguments = parser.parse_args()
    isolation.isolate()
    began_at = time.monotonic()
    counters = asyncio.run(campaign(arguments))
    print(counters.table())
    print(f"\n{time.monotonic() - began_at:.0f} s")
    for name, life, what in sorted(counters.faults):
        print(f"{name}: life {life}: {what}")
    sys.exit(bool(counters.faults))


async def campaign(arguments):
    """Live what the arguments say. Returns the counters."""
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    print(f"seed {seed}", flush=True)
    counters = Counters()
    if arguments.life is not None:
        lives = running.planned(seed, [arguments.life], arguments.steps)
        print(*lives[0].steps, sep="\n", flush=True)
        await running.run(lives, arguments.bootstrap, counters, 1)
        return counters
    lives = running.planned(seed, range(arguments.lives), arguments.steps)
    await running.run(lives, arguments.bootstrap, counters, arguments.at_once)
    await thawed.run(seed, arguments.thawed, arguments.bootstrap, counters)
    return counters


if __name__ == "__main__":
    main()
