"""`make campaign`: 1,000 lives of the built function, and what went wrong in them."""

import argparse
import asyncio
import random
import sys
import time

from local_aws import isolation, paths

from . import plan, running, thawed


def main():
    """Live, print, and fail if anything went wrong."""
    parser = argparse.ArgumentParser(prog="campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, help="decides what happens (a new one)")
    parser.add_argument("--lives", type=int, default=1000, help="how many lives (1000)")
    parser.add_argument("--life", type=int, help="only the life with this number, and its plan")
    parser.add_argument("--steps", type=int, default=plan.MOST_STEPS, help=f"how many invocations a life has at most ({plan.MOST_STEPS})")
    parser.add_argument("--thawed", type=int, metavar="N", help="instead: N environments that were made ahead of need")
    parser.add_argument("--at-once", type=int, default=running.AT_ONCE, help=f"how many at a time ({running.AT_ONCE})")
    parser.add_argument("--bootstrap", default=paths.BOOTSTRAP, help="the built function")
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    isolation.isolate()
    print(f"seed {seed}", flush=True)
    began_at = time.monotonic()
    if arguments.thawed:
        refused = asyncio.run(thawed.run(seed, arguments.thawed, arguments.bootstrap, arguments.at_once))
        print(f"{len(refused)} of {arguments.thawed} first requests refused")
        print(*refused[:20], sep="\n")
        sys.exit(bool(refused))
    numbers = range(arguments.lives)
    if arguments.life is not None:
        numbers = [arguments.life]
        print(*plan.life(seed, arguments.life, arguments.steps).steps, sep="\n")
    counters = asyncio.run(running.run(running.planned(seed, numbers, arguments.steps), arguments.bootstrap, arguments.at_once, show_progress))
    print(counters.table())
    print(f"{time.monotonic() - began_at:.0f} s")
    for name, life, what in sorted(counters.faults):
        print(f"{name}: life {life}: {what}")
    sys.exit(bool(counters.faults))


def show_progress(over, counters):
    """Say how far it is, after every fiftieth life."""
    if over % 50 == 0:
        print(f"{over} lives are over, {len(counters.faults)} faults", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
