"""Runs the signer's own benchmark, benches/signer.rs, which measures it without a function around it."""

import re
import subprocess

from local_aws import commands, places, surroundings


def bench():
    """The table it prints, and the median of one URL of ours, in seconds."""
    ran = subprocess.run(
        ["cargo", "bench", "--locked", "--bench", "signer"],
        cwd=places.ROOT,
        env=surroundings.with_tools(CARGO_TARGET_DIR=str(places.TARGET)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    median = re.search(r"^\| ours \| ([\d.]+) µs", ran.stdout, re.MULTILINE)
    if median is None:
        raise commands.Failure(f"the signer's benchmark failed:\n{ran.stderr[-2000:]}")
    table = "\n".join(line for line in ran.stdout.splitlines() if line.startswith("|"))
    return table, float(median.group(1)) / 1e6
