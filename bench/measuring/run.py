"""One run: measures every function in turns and keeps the figures.

Each round measures every function once, in random order. Other work on the machine then slows all of them alike
and hardly changes their ratios. A random order also gives each function the same chance to follow Node, which
leaves the processor's caches full.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field

from bare_lambda import requests
from campaign import thawed
from local_aws import paths

from . import batches, building, instructions, shares, signatures, signer, starts, uploads, warm
from .development import Waits
from .services import Services
from .shares import ShareFigures
from .uploads import UploadFigures
from .variants import OURS

GROWTH_INVOCATIONS = 100_000
THAWED_ENVIRONMENTS = 1_000

# These sizes show whether the thousandth link of a batch costs as much as the first.
BATCH_SIZES = (1, 500, 1_000)

# A start is short, so other work disturbs it most, and it is repeated more often.
STARTS_IN_A_ROUND = 20
SLOW_STARTS_IN_A_ROUND = 2
# Two thousand warm links take a quarter of a second, in which a shared machine can be half as fast as in the next.
WARM_RUNS_IN_A_ROUND = 5

# How far away STS and S3 are where their calls are made beside one another.
SERVICE_SECONDS = 0.02

DEFAULT_CLIENT = "the same signer, the SDK's default HTTP client"


@dataclass
class Figures:
    """The figures of one run, by the name of the variant; seconds, bytes and instructions."""

    variants: list
    first_next_instructions: dict = field(default_factory=dict)
    first_response: dict = field(default_factory=lambda: defaultdict(list))
    warm_cpu: dict = field(default_factory=lambda: defaultdict(list))
    batch: dict = field(default_factory=lambda: defaultdict(list))
    peak_memory: dict = field(default_factory=dict)
    # Of the function itself, by the size of the batch.
    batch_cpu_by_size: dict = field(default_factory=lambda: defaultdict(list))
    memory_growth: int = 0
    # Of environments that were frozen soon after their start, and thawed by a request.
    first_requests_refused: int = 0
    # With a session whose end is not declared: the start includes a call to STS.
    sts_start: dict = field(default_factory=lambda: defaultdict(list))
    sts_instructions: dict = field(default_factory=dict)
    # The same, with STS and S3 some milliseconds away, with and without the bucket's policy.
    policy_start: dict = field(default_factory=lambda: defaultdict(list))
    sts_peak_memory: int = 0
    sts_batch_peak_memory: int = 0
    # Of the function with shares.
    shares: ShareFigures = None
    uploads: UploadFigures = None
    # What a contributor waits for. None: not measured.
    waits: Waits = None
    signer_table: str = ""
    signer_ratio: float = 0


def measure(variants, rounds, show_progress):
    """Measure everything."""
    figures = Figures(variants)
    show_progress("checking the URLs")
    for variant in variants:
        check(variant)
    show_progress("the signer by itself")
    figures.signer_table, figures.signer_ratio = signer.bench()
    if instructions.VALGRIND is None:
        show_progress("valgrind is not installed, so no instructions are counted")
    else:
        show_progress("counting instructions")
        for variant in variants:
            if not variant.slow:
                counted = instructions.to_first_next(variant.command, variant.environment)
                figures.first_next_instructions[variant.name] = counted
    for number in range(rounds):
        show_progress(f"round {number + 1} of {rounds}")
        measure_round(figures)
    show_progress("starts that wait for STS")
    measure_evidence(figures, rounds)
    show_progress("shares")
    figures.shares = shares.measure(rounds, rounds * STARTS_IN_A_ROUND // 2)
    show_progress("uploads")
    figures.uploads = uploads.measure(rounds)
    show_progress(f"{GROWTH_INVOCATIONS:,} invocations of one process")
    ours = variants[0]
    figures.memory_growth = warm.memory_growth(ours.command, ours.environment, GROWTH_INVOCATIONS)
    show_progress(f"{THAWED_ENVIRONMENTS:,} environments that were made ahead of need, frozen and thawed")
    figures.first_requests_refused = thawed.refused(0, THAWED_ENVIRONMENTS, paths.BOOTSTRAP)
    return figures


def check(variant):
    """Check one link of a variant. This first start also reads its files into memory."""
    response = starts.start(variant.command, variant.environment).response
    if variant.makes_links:
        [url] = requests.links_in(response)
        signatures.check(url, variant.environment)


def measure_round(figures):
    """Measure each variant once, and what takes a moment several times."""
    for variant in shuffled(repeated(figures.variants, STARTS_IN_A_ROUND, SLOW_STARTS_IN_A_ROUND)):
        start = starts.start(variant.command, variant.environment)
        figures.first_response[variant.name].append(start.first_response)
    for variant in shuffled(repeated(figures.variants, WARM_RUNS_IN_A_ROUND, 1)):
        seconds, memory = warm.one_link(variant.command, variant.environment, variant.slow)
        figures.warm_cpu[variant.name].append(seconds)
        figures.peak_memory[variant.name] = max(figures.peak_memory.get(variant.name, 0), memory["VmHWM"])
    for variant in shuffled(figures.variants):
        if variant.makes_links:
            batch = batches.largest_batch(variant.command, variant.environment, variant.slow)
            figures.batch[variant.name].append(batch)
    ours = figures.variants[0]
    for size, seconds in batches.cpu_by_size(ours.command, ours.environment, BATCH_SIZES).items():
        figures.batch_cpu_by_size[size].append(seconds)


def repeated(variants, times, slow_times):
    """Each variant as many times as one round measures it."""
    for variant in variants:
        yield from [variant] * (slow_times if variant.slow else times)


def shuffled(items):
    """The items in random order."""
    items = list(items)
    random.shuffle(items)
    return items


def measure_evidence(figures, rounds):
    """Measure starts that ask STS for the session's end, with our HTTP client and with the SDK's default one."""
    with Services() as services:
        programs = {
            OURS: (
                (paths.BOOTSTRAP,),
                requests.environment(False, **services.sts_environment(), **requests.OURS),
            ),
            DEFAULT_CLIENT: (
                (building.program("default-client"),),
                requests.environment(False, **services.sts_environment(has_default_roots=True)),
            ),
        }
        if instructions.VALGRIND:
            for name, (command, environment) in programs.items():
                counted = instructions.to_first_answer(command, environment, requests.link())
                figures.sts_instructions[name] = counted
        for _ in range(rounds * STARTS_IN_A_ROUND // 2):
            for name, (command, environment) in shuffled(programs.items()):
                figures.sts_start[name].append(starts.start(command, environment))
        command, environment = programs[OURS]
        # On this machine both services answer at once, and then two calls beside one another take as long as
        # one after the other: their work is all there is.
        services.answer_after(SERVICE_SECONDS)
        with_policy = {False: environment, True: {**environment, **services.policy_environment()}}
        for _ in range(rounds * STARTS_IN_A_ROUND // 2):
            for asks, variables in shuffled(with_policy.items()):
                figures.policy_start[asks].append(starts.start(command, variables).first_response)
        services.answer_after(0)
        _, memory = warm.one_link(command, environment, slow=True)
        figures.sts_peak_memory = memory["VmHWM"]
        batch = batches.largest_batch(command, environment, slow=False)
        figures.sts_batch_peak_memory = batch.memory["VmHWM"]
