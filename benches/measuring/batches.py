"""What many links at once cost: by the clock from the event to the whole answer, and in processor time."""

import random
import statistics
import time
from dataclasses import dataclass

from bare_lambda import requests as asking
from bare_lambda.process import Process


@dataclass(frozen=True)
class Batch:
    """One batch of a process that had answered some before."""

    wall: float
    cpu: float
    memory: dict
    characters: int


def one_batch(command, environment, slow):
    """A batch of as many links as there may be: the median of some, answered by one process."""
    event = asking.batch()
    with Process(command, environment) as process:
        answer, _ = process.invoke(event)
        links = asking.links_in(answer)
        if len(links) != asking.BATCH:
            raise AssertionError(f"{len(links)} links for {asking.BATCH}")
        walls, cpus = [], []
        for _ in range(3 if slow else 9):
            cpu, began = process.cpu_seconds(), time.perf_counter()
            _, arrived = process.invoke(event)
            walls.append(arrived - began)
            cpus.append(process.cpu_seconds() - cpu)
        return Batch(
            wall=statistics.median(walls),
            cpu=statistics.median(cpus),
            memory=process.memory(),
            characters=round(statistics.mean(map(len, links))),
        )


def by_size(command, environment, sizes):
    """Seconds of processor time for a batch of each size: one process, and the sizes in turns."""
    events = {size: asking.batch(size) for size in sizes}
    cpus = {size: [] for size in sizes}
    with Process(command, environment) as process:
        for turn in range(12):
            for size in random.sample(sizes, k=len(sizes)):
                before = process.cpu_seconds()
                process.invoke(events[size])
                # The first ones warm up.
                if turn >= 2:
                    cpus[size].append(process.cpu_seconds() - before)
    return {size: statistics.median(cpus[size]) for size in sizes}
