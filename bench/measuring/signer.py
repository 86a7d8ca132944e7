"""Runs the benchmark of the signer by itself: bench/sdk-defaults/src/bin/signer.rs."""

import re
import subprocess

from local_aws import commands

from . import building


def bench():
    """The table that it prints, and the median time of one URL of the function's signer, beside the floor's."""
    ran = subprocess.run([building.program("signer")], capture_output=True, text=True, check=False)
    medians = [
        re.search(rf"^\| {re.escape(name)} \| ([\d.]+) µs", ran.stdout, re.MULTILINE)
        for name in ("**s3-link-signer**", "the floor")
    ]
    if None in medians:
        raise commands.Failure(f"the signer's benchmark failed:\n{ran.stderr[-2000:]}")
    ours, floor = (float(median.group(1)) for median in medians)
    table = "\n".join(line for line in ran.stdout.splitlines() if line.startswith("|"))
    return table, ours / floor
