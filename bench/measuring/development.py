"""How long a contributor waits: for the first link, for a link after a changed line, for `make check` and `make test`.

Everything runs in a clean clone of what is committed, as the README says, with what make installs. cargo's downloads are
those of this machine. Nothing else should run meanwhile.
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

from local_aws import commands, paths

CLONE = paths.TARGET / "bench" / "clone"
LOG = paths.TARGET / "bench" / "development.log"
# The line of `make demo` that comes before the link.
FIRST_LINK = "asked the deployed API for a link"
# Variables that `make bench` sets.
OURS = ("BUILD", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "CARGO_TARGET_DIR")
# A sentence of the function, which is changed so that it must be compiled again.
FILE, SENTENCE = "src/api/link_request.rs", r"the body is empty[\d ]*; send JSON"


@dataclass
class Waits:
    """Seconds."""

    cold_link: float
    warm_link: float
    cold_check: float
    check: float
    test: float


def measure(show_progress):
    """Measure in two clean clones: one for the links and `make check`, one for `make test`."""
    show_progress("a clean clone: the first link")
    clone()
    cold_link = seconds("demo", until=FIRST_LINK)
    change_a_line(1)
    show_progress("a changed line: the next link")
    warm_link = seconds("demo", until=FIRST_LINK)
    clone()
    show_progress("a clean clone: make check")
    cold_check = seconds("check")
    change_a_line(2)
    show_progress("a changed line: make check")
    check = seconds("check")
    clone()
    show_progress("a clean clone: make test")
    return Waits(cold_link, warm_link, cold_check, check, seconds("test"))


def clone():
    """Clone the last commit anew."""
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", paths.ROOT, CLONE], check=True)


def change_a_line(number):
    """Change what the function says."""
    file = CLONE / FILE
    text, count = re.subn(SENTENCE, f"the body is empty {number}; send JSON", file.read_text(encoding="utf-8"))
    assert count > 0, f"{FILE} no longer says {SENTENCE}"
    file.write_text(text, encoding="utf-8")


def seconds(target, until=None):
    """How long `make target` takes in the clone, to its end or to a line that contains `until`."""
    started = time.monotonic()
    with open(LOG, "ab") as log:
        process = subprocess.Popen(
            ["make", target],
            cwd=CLONE,
            env={name: value for name, value in os.environ.items() if name not in OURS},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        took = None
        for line in process.stdout:
            log.write(line)
            if until is not None and took is None and until in line.decode():
                took = time.monotonic() - started
        if process.wait() != 0:
            raise commands.Failure(f"make {target} failed", LOG)
    return time.monotonic() - started if until is None else took
