"""Formats figures, and tables of them, as Markdown."""


def table(head, rows):
    """A table. The first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def count(instructions):
    """Instructions, in millions."""
    return f"{instructions / 1e6:.2f} M"


def milliseconds(seconds):
    """Three digits: a clock on a shared machine is no more exact."""
    return f"{seconds * 1e3:.3g} ms" if seconds < 0.1 else f"{seconds * 1e3:,.0f} ms"


def microseconds(seconds):
    """Three digits, as above."""
    return f"{seconds * 1e6:,.3g} µs" if seconds < 1e-3 else f"{seconds * 1e6:,.0f} µs"


def whole_seconds(seconds):
    """What a person waits."""
    return f"{seconds:,.0f} s"


def megabytes(size):
    """Bytes, in units of 1,000,000."""
    return f"{size / 1e6:.1f} MB"


def times(ratio):
    """How many times as much."""
    return f"{ratio:.2f}×" if ratio < 10 else f"{ratio:,.0f}×"
