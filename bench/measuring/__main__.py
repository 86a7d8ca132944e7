"""`make bench`: measures everything, prints the block of tables for docs/performance.md, and fails if a bound does not hold.

Measuring takes five minutes. The first run takes a quarter of an hour more, to build what is measured.
"""

import argparse
import sys

from local_aws import commands

from . import building, report, run, variants


def main():
    """Build, measure, print and judge."""
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=7, help="how often each function is measured (7)")
    rounds = arguments.parse_args().rounds
    building.build_all(show_progress)
    figures = run.measure(variants.all_variants(), rounds, show_progress)
    print(report.block(figures, rounds))
    if broken := report.broken_bounds(figures):
        sys.exit("\n".join(["These bounds do not hold:", *broken]))


def show_progress(step):
    """Print the current step. Standard output holds the tables alone."""
    print(step, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except commands.Failure as failure:
        sys.exit(str(failure))
