"""`make bench`: measures everything, interleaved, and prints the tables that stand in the README.

About five minutes, and a quarter of an hour more the first time, to build what it measures.
"""

import argparse
import sys

from local_aws import commands

from . import building, report, run, variants


def main():
    """Build, measure, print."""
    words = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    words.add_argument("--rounds", type=int, default=7, help="how often each function is measured (7)")
    rounds = words.parse_args().rounds
    building.build_all(say)
    figures = run.measure(variants.all_variants(), rounds, say)
    print("", report.heading(rounds), *report.tables(figures), sep="\n\n")


def say(what):
    """What is being done, for whoever waits; the tables alone go to standard output."""
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except commands.Failure as reason:
        sys.exit(str(reason))
