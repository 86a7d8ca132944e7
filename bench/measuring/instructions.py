"""Counts the instructions a function executes from its start to a request that the Runtime API sees.

A busy machine changes seconds and does not change instruction counts. valgrind emulates a processor without
the SHA extensions, so it counts many times the real cost of a SHA-256. Compare only programs that hash equally
much.
"""

import re
import shutil
import signal
import statistics
import tempfile
from pathlib import Path

from bare_lambda.process import Process

VALGRIND = shutil.which("valgrind")

# Counts differ by a few in ten thousand between runs, because addresses and hash seeds are random.
RUNS = 3


def to_first_next(command, environment):
    """Instructions from exec to the first request for an event. The dynamic loader is included."""
    return statistics.median(count(command, environment, None) for _ in range(RUNS))


def to_first_answer(command, environment, event):
    """Instructions from exec to the first response."""
    return statistics.median(count(command, environment, event) for _ in range(RUNS))


def count(command, environment, event):
    """Instructions to the response to `event`. With None: to the first request for an event."""
    with tempfile.TemporaryDirectory() as directory:
        counts = Path(directory) / "callgrind.out"
        log = Path(directory) / "log"
        valgrind = [VALGRIND, "--tool=callgrind", f"--callgrind-out-file={counts}", f"--log-file={log}"]
        with Process([*valgrind, *command], environment) as process:
            process.api.wait_for_next()
            if event is not None:
                process.api.invoke(event)
            # The function now waits for the Runtime API. valgrind writes its counts at SIGTERM.
            process.end(signal.SIGTERM)
        total = re.search(r"^(?:totals|summary): (\d+)$", counts.read_text(encoding="ascii"), re.MULTILINE)
        if total is None:
            raise AssertionError(f"valgrind counted nothing: {log.read_text(encoding='utf-8')}")
        return int(total.group(1))
