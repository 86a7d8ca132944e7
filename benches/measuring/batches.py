"""What many links at once cost: by the clock from the event to the whole answer, and in processor time."""

import statistics
import time
from dataclasses import dataclass

from . import asking
from .process import Process


@dataclass(frozen=True)
class Batch:
    """One batch of a process that had answered some before."""

    wall: float
    cpu: float
    memory: dict
    characters: int


def one_batch(command, environment, slow, count=asking.BATCH):
    """A batch of `count` links: the median of some, answered by one process."""
    event = asking.batch(count)
    with Process(command, environment) as process:
        answer, _ = process.invoke(event)
        links = asking.links_in(answer)
        if len(links) != count:
            raise AssertionError(f"{len(links)} links for {count}")
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
