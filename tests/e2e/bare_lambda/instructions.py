"""Counts the instructions a function takes from its start to a point that the Runtime API can see.

Instructions, unlike seconds, are the same whatever else the machine does. valgrind counts them on a
processor of its own making, which lacks the instructions for SHA: where a SHA-256 is computed, it counts
many times what a real one would take. Nothing before the first event computes one.
"""

import re
import shutil
import signal
import statistics
import tempfile
from pathlib import Path

from .process import Process

VALGRIND = shutil.which("valgrind")

# They differ by a few in ten thousand: addresses and hash seeds are drawn anew for each process.
RUNS = 3


def to_first_next(command, environment):
    """From exec to the first request for an event, the dynamic loader included."""
    return statistics.median(count(command, environment, None) for _ in range(RUNS))


def to_first_answer(command, environment, event):
    """From exec to the first response."""
    return statistics.median(count(command, environment, event) for _ in range(RUNS))


def count(command, environment, event):
    """Instructions to the response to `event`, or to the first request for one where there is no event."""
    with tempfile.TemporaryDirectory() as directory:
        counted = Path(directory) / "callgrind.out"
        log = Path(directory) / "log"
        valgrind = [VALGRIND, "--tool=callgrind", f"--callgrind-out-file={counted}", f"--log-file={log}"]
        with Process([*valgrind, *command], environment) as process:
            process.api.wait_for_next()
            if event is not None:
                process.api.invoke(event)
            # The function waits now; at SIGTERM valgrind writes down what it has counted.
            process.end(signal.SIGTERM)
        found = re.search(r"^(?:totals|summary): (\d+)$", counted.read_text(encoding="ascii"), re.MULTILINE)
        if found is None:
            raise AssertionError(f"valgrind counted nothing: {log.read_text(encoding='utf-8')}")
        return int(found.group(1))
