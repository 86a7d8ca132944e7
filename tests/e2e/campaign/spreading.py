"""Spreads lives over processes, each with an event loop of its own.

A machine divides its time among processes. To decide the answers of all lives together would take more than the share
of one process where many others are busy, and would be late for every life. Those of some lives take less.
"""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

# How many lives at a time one process serves.
OF_A_PROCESS = 8
# How many seconds a process lets pass between the first starts of functions. All at once would take a small machine
# seconds, and each function would wait for all others.
BETWEEN_STARTS = 0.5


async def spread(work, items, at_once, *arguments):
    """Await `work(some_items, some_at_once, *arguments)` in each process. Returns the outcomes.

    `work` is a coroutine function of a module. One process is enough for few items, and then it is this one.
    """
    processes = max(1, -(-min(at_once, len(items)) // OF_A_PROCESS))
    if processes == 1:
        return [await work(items, at_once, *arguments)]
    loop = asyncio.get_running_loop()
    # None of them is a fork of this process, whose loop and threads it must not have.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        shares = [items[number::processes] for number in range(processes)]
        calls = [(_run, work, share, -(-at_once // processes), *arguments) for share in shares]
        return await asyncio.gather(*(loop.run_in_executor(pool, *call) for call in calls))


def _run(work, *arguments):
    return asyncio.run(work(*arguments))


async def in_lanes(live, items, at_once):
    """Await `live(item)` for each item, so many at a time. They do not all begin at the same moment."""
    waiting = iter(items)

    async def lane(number):
        await asyncio.sleep(number * BETWEEN_STARTS)
        for item in waiting:
            await live(item)

    async with asyncio.TaskGroup() as lanes:
        for number in range(min(at_once, len(items))):
            lanes.create_task(lane(number))
