"""Makes the tables of docs/performance.md from the figures of a run, and says which bounds hold."""

import datetime
import platform
import re
from statistics import median

from bare_lambda import requests
from local_aws import paths

from . import building, shares, uploads
from .run import BATCH_SIZES, DEFAULT_CLIENT, GROWTH_INVOCATIONS, THAWED_ENVIRONMENTS
from .table import count, megabytes, microseconds, milliseconds, table, times, whole_seconds
from .variants import BOTO3, HELLO_WORLD, OURS, PEERS

# docs/performance.md holds the same two lines. What stands between them is what a run printed.
BEGIN = "<!-- begin: printed by make bench -->"
END = "<!-- end: printed by make bench -->"


def block(figures, rounds):
    """The block of docs/performance.md, from its first line to its last."""
    must_hold = table(["what must hold", "measured", "bound", "holds"], bounds(figures))
    tables = (functions(figures), evidence(figures), of_shares(figures.shares), of_uploads(figures.uploads), figures.signer_table, must_hold)
    return "\n\n".join([BEGIN, heading(rounds), *tables, END])


def heading(rounds):
    """The date, the processor and the number of rounds."""
    with open("/proc/cpuinfo", encoding="utf-8") as cpuinfo:
        processor = re.search(r"model name\s*: (.*)", cpuinfo.read())
    return (
        f"`make bench`, {datetime.date.today()}, {processor.group(1) if processor else platform.machine()}: medians "
        f"of {rounds} rounds. Brackets hold the ratio to hello world. A MB is 1,000,000 bytes."
    )


def functions(figures):
    """One row for each function. The end of the session is declared, so no function calls STS."""
    head = [
        "function, session declared",
        "instructions, exec → first `/next`",
        "exec → first answer",
        "CPU time, warm link",
        "CPU time, one of 1,000 links",
        "1,000 links, event → answer",
        "peak memory, one link / 1,000",
        "zip",
    ]
    return table(head, [row(figures, variant) for variant in figures.variants])


def row(figures, variant):
    """The figures of one function. A dash stands for what was not measured."""
    name = variant.name
    instructions = figures.first_next_instructions
    batch = figures.batch[name]
    peak = megabytes(figures.peak_memory[name])

    def beside_hello_world(formatted, runs):
        return f"{formatted(median(runs[name]))} ({times(ratio(runs[name], runs[HELLO_WORLD]))})"

    return [
        name,
        f"{count(instructions[name])} ({times(instructions[name] / instructions[HELLO_WORLD])})"
        if name in instructions
        else "–",
        beside_hello_world(milliseconds, figures.first_response),
        beside_hello_world(microseconds, figures.warm_cpu),
        microseconds(median(one.cpu for one in batch) / requests.BATCH) if batch else "–",
        milliseconds(median(one.wall for one in batch)) if batch else "–",
        f"{peak} / {megabytes(max(one.memory['VmHWM'] for one in batch))}" if batch else peak,
        "–" if variant.slow else megabytes(building.zip_size(variant.command[0])),
    ]


def evidence(figures):
    """Starts with a session whose end is not declared: the function asks STS before its first `/next`."""
    head = [
        "session not declared: STS is asked over TLS",
        "instructions, exec → first answer",
        "exec → first `/next`",
        "exec → first answer",
    ]
    rows = []
    for name in (OURS, DEFAULT_CLIENT):
        starts = figures.sts_start[name]
        rows.append(
            [
                name,
                count(figures.sts_instructions[name]) if figures.sts_instructions else "–",
                milliseconds(median(start.first_next for start in starts)),
                milliseconds(median(start.first_response for start in starts)),
            ]
        )
    return table(head, rows)


def of_shares(figures):
    """One row for each kind of request to a function with shares."""
    head = [
        "session declared, shares on, S3 and DynamoDB over TLS",
        "CPU time, warm",
        "exec → first answer",
        "calls of DynamoDB",
    ]
    rows = []
    for kind in shares.KINDS:
        cpu = median(figures.warm_cpu[kind])
        beside = times(ratio(figures.warm_cpu[kind], figures.warm_cpu[shares.LINK]))
        first = milliseconds(median(figures.first_response[kind]))
        rows.append([kind, f"{microseconds(cpu)} ({beside})", first, str(figures.dynamodb_calls[kind])])
    return table(head, rows)


def of_uploads(figures):
    """One row for each kind of signature."""
    head = ["links declared, uploads minted", "CPU time, warm", "beside"]
    rows = []
    for kind in uploads.KINDS:
        of = uploads.BATCH if kind in (uploads.BATCH, uploads.PARTS) else uploads.LINK
        beside = f"{times(uploads.beside_a_link(figures, kind, of))} {of}"
        rows.append([kind, microseconds(median(figures.warm_cpu[kind])), beside])
    return table(head, rows)


def bounds(figures):
    """What must hold, one row each: what, the measured figure, the bound, and whether it holds."""
    rows = []

    def at_most(what, value, bound, formatted):
        rows.append([what, formatted(value), f"at most {formatted(bound)}", "yes" if value <= bound else "**no**"])

    def at_least(what, value, bound, formatted):
        rows.append([what, formatted(value), f"at least {formatted(bound)}", "yes" if value >= bound else "**no**"])

    what = "exec → first answer, session declared, beside hello world"
    at_most(what, ratio(figures.first_response[OURS], figures.first_response[HELLO_WORLD]), 2.0, times)
    what = "CPU time of a warm link, beside hello world"
    at_most(what, ratio(figures.warm_cpu[OURS], figures.warm_cpu[HELLO_WORLD]), 1.9, times)
    batch = {name: [one.wall for one in batch] for name, batch in figures.batch.items()}
    for peer in PEERS:
        at_least(f"1,000 links, event → answer, {peer}, beside ours", ratio(batch[peer], batch[OURS]), 1.3, times)
    at_least(f"1,000 links, event → answer, {BOTO3}, beside ours", ratio(batch[BOTO3], batch[OURS]), 20, times)
    at_most("one URL in the signer, beside the floor", figures.signer_ratio, 1.5, times)
    at_most("zip", building.zip_size(paths.BOOTSTRAP), 6e6, megabytes)
    peak = max(figures.sts_peak_memory, figures.peak_memory[OURS])
    at_most("peak memory, one link at a time, session declared or not", peak, 16e6, megabytes)
    batch_peak = max(figures.sts_batch_peak_memory, *(one.memory["VmHWM"] for one in figures.batch[OURS]))
    at_most("peak memory, batches of 1,000, session declared or not", batch_peak, 24e6, megabytes)
    started = {name: [start.first_response for start in starts] for name, starts in figures.sts_start.items()}
    what = "exec → first answer, STS asked over TLS, beside the SDK's default HTTP client"
    at_most(what, ratio(started[OURS], started[DEFAULT_CLIENT]), 0.4, times)
    what = "exec → first answer, STS and S3 20 ms away, with the bucket's policy, beside the same without it"
    at_most(what, ratio(figures.policy_start[True], figures.policy_start[False]), 1.15, times)
    what = f"CPU time of a warm link, {BOTO3}, beside ours"
    at_least(what, ratio(figures.warm_cpu[BOTO3], figures.warm_cpu[OURS]), 3, times)
    what = f"CPU time of a link between {BATCH_SIZES[1]} and {BATCH_SIZES[2]:,} of a batch, beside the earlier ones"
    at_most(what, later_links_beside_earlier(figures.batch_cpu_by_size), 1.1, times)
    at_most(f"memory growth over {GROWTH_INVOCATIONS:,} invocations", figures.memory_growth, 0.1e6, megabytes)
    what = f"first requests refused, of {THAWED_ENVIRONMENTS:,} environments made ahead of need"
    at_most(what, figures.first_requests_refused, 0, str)
    calls = figures.shares.dynamodb_calls
    at_most(f"calls of DynamoDB, {shares.PAGE}", calls[shares.PAGE], 1, str)
    at_most(f"calls of DynamoDB, {shares.PRESS}", calls[shares.PRESS], 2, str)
    # One counts the attempt before the look, one writes its outcome.
    at_most(f"calls of DynamoDB, {shares.PASSCODE}", calls[shares.PASSCODE], 3, str)
    cpu = figures.shares.warm_cpu
    at_most(f"CPU time of {shares.PRESS}, beside {shares.CHECKED}", ratio(cpu[shares.PRESS], cpu[shares.CHECKED]), 2.5, times)
    for kind, of in ((uploads.FILE, uploads.LINK), (uploads.PART, uploads.LINK), (uploads.PARTS, uploads.BATCH)):
        at_most(f"CPU time of {kind}, beside {of}", uploads.beside_a_link(figures.uploads, kind, of), 1.5, times)
    if figures.waits is not None:
        at_most("a clean clone → the first link of `make run`", figures.waits.cold_link, 300, whole_seconds)
        at_most("a changed line → a link of `make run`", figures.waits.warm_link, 15, whole_seconds)
        at_most("a clean clone → `make check`", figures.waits.cold_check, 360, whole_seconds)
        at_most("a changed line → `make check`", figures.waits.check, 60, whole_seconds)
        at_most("a clean clone → `make test`", figures.waits.test, 900, whole_seconds)
    what = "a passcode's check, at the memory that the template gives the function"
    at_most(what, shares.passcode_seconds(figures.shares), 0.15, milliseconds)
    return rows


def broken_bounds(figures):
    """The bounds that do not hold."""
    return [what for what, _, _, holds in bounds(figures) if holds != "yes"]


def ratio(runs, others):
    """The ratio of two medians. A median does not move when other work holds up one run."""
    return median(runs) / median(others)


def later_links_beside_earlier(cpu_by_size):
    """The cost of one more link in a large batch, divided by its cost in a smaller batch."""
    (few, low), (half, middle), (all_links, high) = ((size, median(cpu_by_size[size])) for size in BATCH_SIZES)
    return ((high - middle) / (all_links - half)) / ((middle - low) / (half - few))
