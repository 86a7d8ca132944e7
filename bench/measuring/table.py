"""Prints what was measured as Markdown, as it stands in the README."""

import statistics


def table(head, rows):
    """A table; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def count(number):
    """Instructions, in thousands or millions."""
    return f"{number / 1e6:.2f} M"


def milliseconds(seconds):
    """Three figures are more than a clock on a shared machine is good for."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.1 else f"{seconds * 1e3:,.0f} ms"


def microseconds(seconds):
    """The same, a thousand times shorter."""
    return f"{seconds * 1e6:,.3g} µs" if seconds < 1e-3 else f"{seconds * 1e6:,.0f} µs"


def megabytes(octets):
    """In units of 1,000,000."""
    return f"{octets / 1e6:.1f} MB"


def times(ratio):
    """How many times as much."""
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:,.0f}×"


def middle(runs):
    """The median: one run that was held up does not move it."""
    return statistics.median(runs)


def ratio(runs, others):
    """How the medians compare."""
    return middle(runs) / middle(others)
