"""`make bench`: measures everything, prints the block of tables for docs/performance.md, and fails if a bound does not hold.

Measuring takes five minutes, and the first run a quarter of an hour more, to build what is measured. Last comes what a
contributor waits for, in clean clones, which takes half an hour; `--without-waits` leaves it out.
"""

import argparse
import sys

from local_aws import commands, paths

from . import building, development, report, run, variants


def main():
    """Build, measure, print and judge."""
    arguments = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=7, help="how often each function is measured (7)")
    arguments.add_argument("--without-waits", action="store_true", help="do not measure what a contributor waits for")
    given = arguments.parse_args()
    if not paths.IS_RELEASE:
        raise commands.Failure("what is deployed is measured: `make bench`")
    rounds = given.rounds
    building.build_all(show_progress)
    figures = run.measure(variants.all_variants(), rounds, show_progress)
    if not given.without_waits:
        figures.waits = development.measure(show_progress)
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
