"""What a batch of links costs: seconds from the event to the whole response, CPU time and memory."""

import random
import statistics
import time
from dataclasses import dataclass

from bare_lambda import requests
from bare_lambda.process import Process

# The first turns warm the process up, so they do not count.
TURNS = 12
WARM_UP_TURNS = 2


@dataclass(frozen=True)
class Batch:
    """One batch of a warm process; seconds and bytes."""

    wall: float
    cpu: float
    memory: dict


def largest_batch(command, environment, slow):
    """A batch of the largest size. One process answers several, and the medians count."""
    event = requests.batch()
    with Process(command, environment) as process:
        response, _ = process.invoke(event)
        links = requests.links_in(response)
        if len(links) != requests.BATCH:
            raise AssertionError(f"{len(links)} links instead of {requests.BATCH}")
        walls, cpus = [], []
        for _ in range(3 if slow else 9):
            cpu, began = process.cpu_seconds(), time.perf_counter()
            _, arrived = process.invoke(event)
            walls.append(arrived - began)
            cpus.append(process.cpu_seconds() - cpu)
        return Batch(wall=statistics.median(walls), cpu=statistics.median(cpus), memory=process.memory())


def cpu_by_size(command, environment, sizes):
    """Seconds of CPU time for a batch of each size. One process answers all of them, in random order."""
    events = {size: requests.batch(size) for size in sizes}
    cpus = {size: [] for size in sizes}
    with Process(command, environment) as process:
        for turn in range(TURNS):
            for size in random.sample(sizes, k=len(sizes)):
                before = process.cpu_seconds()
                process.invoke(events[size])
                if turn >= WARM_UP_TURNS:
                    cpus[size].append(process.cpu_seconds() - before)
    return {size: statistics.median(cpus[size]) for size in sizes}
