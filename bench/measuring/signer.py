"""Runs the signer's own benchmark, which measures it without a function around it.

It stands in bench/sdk-defaults/src/bin/signer.rs, beside the SDK's signers that it is compared with.
"""

import re
import subprocess

from local_aws import commands

from . import building


def bench():
    """The table it prints, and the median of one URL of ours, in seconds."""
    ran = subprocess.run([building.SIGNER], capture_output=True, text=True, check=False)
    median = re.search(r"^\| ours \| ([\d.]+) µs", ran.stdout, re.MULTILINE)
    if median is None:
        raise commands.Failure(f"the signer's benchmark failed:\n{ran.stderr[-2000:]}")
    table = "\n".join(line for line in ran.stdout.splitlines() if line.startswith("|"))
    return table, float(median.group(1)) / 1e6
