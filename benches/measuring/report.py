"""Turns the figures of a run into the tables of the README, and says which bounds hold."""

import datetime
import platform
import re

from bare_lambda import requests as asking
from local_aws import paths as places

from . import building
from .run import BATCH_SIZES, DEFAULT_CLIENT, GROWTH_INVOCATIONS
from .table import count, megabytes, microseconds, middle, milliseconds, ratio, table, times
from .variants import BOTO3, HELLO_WORLD, OURS


def heading(rounds):
    """When, where, and how often."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        processor = re.search(r"model name\s*: (.*)", cpuinfo.read())
    return (
        f"`make bench`, {datetime.date.today()}, {processor.group(1) if processor else platform.machine()}: medians "
        f"of {rounds} rounds, in brackets times hello world's. A MB is 1,000,000 bytes."
    )


def tables(figures):
    """All of them, as Markdown."""
    return functions(figures), evidence(figures), figures.signer, what_must_hold(figures)


def functions(figures):
    """A row for each function."""
    head = [
        "function",
        "instructions, exec → first `/next`",
        "exec → first answer",
        "processor time, warm link",
        "processor time, one of 1,000 links",
        "1,000 links, event → answer",
        "peak memory, one link / 1,000",
        "zip",
    ]
    return table(head, [row(figures, variant) for variant in figures.variants])


def row(figures, variant):
    """What was measured of one function; a dash for what it doesn't do."""
    name = variant.name
    counted = figures.first_next.get(name)
    batch = figures.batch[name]
    peak = megabytes(figures.peak[name])

    def beside(shown, runs):
        return f"{shown(middle(runs[name]))} ({times(ratio(runs[name], runs[HELLO_WORLD]))})"

    return [
        name,
        f"{count(counted)} ({times(counted / figures.first_next[HELLO_WORLD])})" if counted else "–",
        beside(milliseconds, figures.start),
        beside(microseconds, figures.warm),
        microseconds(middle([one.cpu for one in batch]) / asking.BATCH) if batch else "–",
        milliseconds(middle([one.wall for one in batch])) if batch else "–",
        f"{peak} / {megabytes(max(one.memory['VmHWM'] for one in batch))}" if batch else peak,
        "–" if variant.slow else megabytes(building.zipped(variant.command[0])),
    ]


def evidence(figures):
    """First answers that wait for STS."""
    head = ["first answer, with the session's evidence asked for over TLS", "instructions", "exec → first answer"]
    rows = [
        [name, count(figures.tls_count[name]) if figures.tls_count else "–", milliseconds(middle(figures.tls_start[name]))]
        for name in (OURS, DEFAULT_CLIENT)
    ]
    return table(head, rows)


def what_must_hold(figures):
    """The bounds, in the order of the issue that set them."""
    rows = []

    def at_most(what, value, bound, shown):
        rows.append([what, shown(value), f"at most {shown(bound)}", "yes" if value <= bound else "**no**"])

    def at_least(what, value, bound, shown):
        rows.append([what, shown(value), f"at least {shown(bound)}", "yes" if value >= bound else "**no**"])

    if figures.first_next:
        counted = figures.first_next
        at_most("instructions to the first `/next`, beside hello world", counted[OURS] / counted[HELLO_WORLD], 2.5, times)
        counted = figures.tls_count
        what = "instructions to the first answer over TLS, beside the SDK's default client"
        at_most(what, counted[OURS] / counted[DEFAULT_CLIENT], 0.4, times)
    what = "exec → first answer, session declared, beside hello world"
    at_most(what, ratio(figures.start[OURS], figures.start[HELLO_WORLD]), 1.6, times)
    what = "processor time of a warm link, beside hello world"
    at_most(what, ratio(figures.warm[OURS], figures.warm[HELLO_WORLD]), 1.9, times)
    what = "processor time of a warm link, boto3 beside us"
    at_least(what, ratio(figures.warm[BOTO3], figures.warm[OURS]), 3, times)
    at_most("one URL in the signer", figures.signer_seconds, 3e-6, microseconds)
    ours, boto3 = ([one.wall for one in figures.batch[name]] for name in (OURS, BOTO3))
    at_most("1,000 links, event → answer", middle(ours), 15e-3, milliseconds)
    at_least("1,000 links, event → answer, boto3 beside us", ratio(boto3, ours), 20, times)
    at_most("zip", building.zipped(places.BOOTSTRAP), 4.5e6, megabytes)
    single = max(figures.tls_peak, figures.peak[OURS])
    at_most("peak memory, one link at a time, the evidence over TLS", single, 10e6, megabytes)
    most = max(figures.tls_batch_peak, *(one.memory["VmHWM"] for one in figures.batch[OURS]))
    at_most("peak memory, batches of 1,000, the evidence over TLS", most, 15e6, megabytes)
    what = f"processor time of a link between {BATCH_SIZES[1]} and {BATCH_SIZES[2]:,} of a batch, beside the earlier ones"
    at_most(what, later_links_beside_earlier(figures.batch_of), 1.1, times)
    at_most(f"memory grown over {GROWTH_INVOCATIONS:,} invocations", figures.grown, 0.1e6, megabytes)
    return table(["what must hold", "measured", "bound", "holds"], rows)


def later_links_beside_earlier(batch_of):
    """What a further link costs in a large batch, beside what it costs in a smaller one."""
    (small, less), (middling, more), (large, most) = ((size, middle(batch_of[size])) for size in BATCH_SIZES)
    return ((most - more) / (large - middling)) / ((more - less) / (middling - small))
