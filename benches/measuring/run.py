"""One run: measures every function, one after the other in each round, and keeps the figures.

Interleaved, because other things run on the machine too: a busy minute then takes from all of them alike,
and from no ratio much. And in an order that changes: whoever runs after Node finds the processor's caches
full of Node.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

from bare_lambda import instructions
from bare_lambda import requests as asking
from local_aws import paths as places

from . import batches, building, signer, starts, warm
from .sts import Sts

GROWTH_INVOCATIONS = 100_000

# To see whether the thousandth link of a batch costs what the first did.
BATCH_SIZES = (1, 500, 1_000)

# A start is short, and the most easily disturbed. An interpreter's is long enough.
STARTS_IN_A_ROUND = 20
SLOW_STARTS_IN_A_ROUND = 2

DEFAULT_CLIENT = "the same with the SDK's default HTTP client"


@dataclass
class Figures:
    """What was measured, by the name of the variant; seconds, bytes and instructions."""

    variants: list
    start: dict = field(default_factory=lambda: defaultdict(list))
    warm: dict = field(default_factory=lambda: defaultdict(list))
    batch: dict = field(default_factory=lambda: defaultdict(list))
    # Of ours, by the size of the batch.
    batch_of: dict = field(default_factory=lambda: defaultdict(list))
    peak: dict = field(default_factory=dict)
    first_next: dict = field(default_factory=dict)
    # First answers that wait for STS.
    tls_start: dict = field(default_factory=lambda: defaultdict(list))
    tls_count: dict = field(default_factory=dict)
    tls_peak: int = 0
    tls_batch_peak: int = 0
    grown: int = 0
    signer: str = ""
    signer_seconds: float = 0


def measure(variants, rounds, say):
    """Everything; `say` is told what is being done."""
    figures = Figures(variants)
    for variant in variants:
        # Once for nothing: files come into memory, Python writes its bytecode.
        starts.first_answer(variant.command, variant.environment)
    say("the signer by itself")
    figures.signer, figures.signer_seconds = signer.bench()
    if instructions.VALGRIND is None:
        say("there is no valgrind here, so no instructions are counted")
    else:
        say("counting instructions")
        for variant in variants:
            if not variant.slow:
                counted = instructions.to_first_next(variant.command, variant.environment)
                figures.first_next[variant.name] = counted
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        measure_round(figures)
    say("first answers that wait for STS")
    measure_evidence(figures, rounds)
    say(f"{GROWTH_INVOCATIONS:,} invocations of one process")
    ours = variants[0]
    early, late = warm.growth(ours.command, ours.environment, GROWTH_INVOCATIONS)
    figures.grown = max(0, late - early)
    return figures


def measure_round(figures):
    """Each variant once, and the short ones more often."""
    for variant in shuffled(as_often_as_started(figures.variants)):
        figures.start[variant.name].append(starts.first_answer(variant.command, variant.environment))
    for variant in shuffled(figures.variants):
        seconds, memory = warm.one_link(variant.command, variant.environment, variant.slow)
        figures.warm[variant.name].append(seconds)
        figures.peak[variant.name] = max(figures.peak.get(variant.name, 0), memory["VmHWM"])
    for variant in shuffled(figures.variants):
        if variant.makes_links:
            batch = batches.one_batch(variant.command, variant.environment, variant.slow)
            figures.batch[variant.name].append(batch)
    ours = figures.variants[0]
    for size, seconds in batches.by_size(ours.command, ours.environment, BATCH_SIZES).items():
        figures.batch_of[size].append(seconds)


def as_often_as_started(variants):
    """Each of them as many times as it is started in a round."""
    for variant in variants:
        yield from [variant] * (SLOW_STARTS_IN_A_ROUND if variant.slow else STARTS_IN_A_ROUND)


def shuffled(ones):
    """The same ones in an order of chance."""
    ones = list(ones)
    random.shuffle(ones)
    return ones


def measure_evidence(figures, rounds):
    """The first answer when STS has to be asked: with our HTTP client, and with the SDK's default one."""
    with Sts() as sts:
        ours = asking.environment(False, **sts.environment(sts.five_roots), **asking.OURS)
        ways = {
            figures.variants[0].name: (places.BOOTSTRAP, ours),
            DEFAULT_CLIENT: (building.DEFAULT_CLIENT, asking.environment(False, **sts.environment(sts.system_roots))),
        }
        if instructions.VALGRIND:
            for name, (program, environment) in ways.items():
                counted = instructions.to_first_answer((program,), environment, asking.link())
                figures.tls_count[name] = counted
        for _ in range(rounds * STARTS_IN_A_ROUND // 2):
            for name, (program, environment) in shuffled(ways.items()):
                figures.tls_start[name].append(starts.first_answer((program,), environment))
        program, environment = ways[figures.variants[0].name]
        _, memory = warm.one_link((program,), environment, slow=True)
        figures.tls_peak = memory["VmHWM"]
        figures.tls_batch_peak = batches.one_batch((program,), environment, slow=False).memory["VmHWM"]
