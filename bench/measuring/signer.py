"""Runs the benchmark of the signer by itself: bench/sdk-defaults/src/bin/signer.rs."""

import re
import subprocess

from local_aws import commands

from . import building


def bench():
    """The table that it prints, and the median seconds of one URL of the function's signer."""
    ran = subprocess.run([building.program("signer")], capture_output=True, text=True, check=False)
    median = re.search(r"^\| \*\*s3-link-signer\*\* \| ([\d.]+) µs", ran.stdout, re.MULTILINE)
    if median is None:
        raise commands.Failure(f"the signer's benchmark failed:\n{ran.stderr[-2000:]}")
    table = "\n".join(line for line in ran.stdout.splitlines() if line.startswith("|"))
    return table, float(median.group(1)) / 1e6
