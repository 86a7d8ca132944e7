"""What a busy machine withholds: for how long a process could have run, and waited because others had the processors.

Linux counts it. A process that sleeps, that is stopped, or that computes does not wait. Where the counter can't be read,
nothing counts as withheld.

Source: Linux kernel documentation, "Scheduler Statistics", /proc/<pid>/schedstat.
"""

import time


def waited(pid):
    """For how many seconds the main thread of a process waited for a processor so far. None: nobody knows."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as counters:
            return int(counters.read().split()[1]) / 1e9
    except (OSError, IndexError):
        return None


def happens(event, seconds, pid):
    """Wait until a `threading.Event` is set. Returns False if that takes a process more than so many seconds of its own.

    The seconds in which it waits for a processor are not its own.
    """
    due = time.monotonic() + seconds - (waited(pid) or 0.0)
    while (left := due + (waited(pid) or 0.0) - time.monotonic()) > 0.0:
        if event.wait(left):
            return True
    return event.is_set()
