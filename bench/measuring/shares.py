"""What a share's page and a press cost, beside a single link: CPU time of a warm process, starts, calls of DynamoDB.

Each press is the first one of its share. S3 and DynamoDB are reached over TLS, and each invocation makes
connections of its own, as in the cloud.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

from bare_lambda import requests, shares
from bare_lambda.process import Process
from local_aws import paths, template_text

from .services import Services

LINK = "one link"
CHECKED = "one link that is checked"
PAGE = "a share's page"
PRESS = "a press"
PASSCODE = "a press with a passcode"
KINDS = (LINK, CHECKED, PAGE, PRESS, PASSCODE)

# Of Lambda's processors. Source: Lambda guide, "Configure Lambda function memory": at 1,769 MB a function has one.
MEGABYTES_OF_A_PROCESSOR = 1769

# How many invocations of each kind one process handles.
INVOCATIONS = 200
WARM_UP = 20


@dataclass
class ShareFigures:
    """The figures of one run by kind: seconds of each round, seconds of each start, and calls of one invocation."""

    warm_cpu: dict = field(default_factory=lambda: defaultdict(list))
    first_response: dict = field(default_factory=lambda: defaultdict(list))
    dynamodb_calls: dict = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class Events:
    """The events of one kind, one for each invocation, and the status of their answers."""

    events: list
    status: int


def events_of_all_kinds(services, environment, count):
    """So many events of each kind. Their shares are in the table of `services`."""
    with Process((paths.BOOTSTRAP,), environment) as process:
        of_two = (shares.make(), shares.make(passcode=shares.PASSCODE))
        made = [shares.token_in(process.invoke(event)[0]) for event in of_two]
    plain, with_passcode = (services.copies(token, count) for token in made)
    return {
        LINK: Events([requests.link()] * count, 200),
        CHECKED: Events([requests.event("/links", {**requests.entry(0), "check": True})] * count, 200),
        PAGE: Events([shares.page(token) for token in plain], 200),
        PRESS: Events([shares.press(token) for token in plain], 303),
        PASSCODE: Events([shares.press(token, shares.PASSCODE) for token in with_passcode], 303),
    }


def measure(rounds, starts):
    """Measure all kinds: `rounds` warm processes, and `starts` starts for each kind."""
    figures = ShareFigures()
    with Services() as services:
        environment = services.shares_environment()
        for _ in range(rounds):
            kinds = events_of_all_kinds(services, environment, WARM_UP + INVOCATIONS)
            for kind, seconds in warm_cpu(services, environment, kinds, figures.dynamodb_calls).items():
                figures.warm_cpu[kind].append(seconds)
        kinds = events_of_all_kinds(services, environment, starts)
        for turn in range(starts):
            for kind in random.sample(KINDS, k=len(KINDS)):
                figures.first_response[kind].append(start(environment, kinds[kind].events[turn], kinds[kind].status))
    return figures


def warm_cpu(services, environment, kinds, dynamodb_calls):
    """Seconds of CPU time for an invocation of each kind. One process handles all kinds in turns.

    `dynamodb_calls` keeps the most calls that one invocation of a kind made.
    """
    seconds = defaultdict(float)
    with Process((paths.BOOTSTRAP,), environment) as process:
        for turn in range(WARM_UP + INVOCATIONS):
            for kind, of_kind in kinds.items():
                services.forget_calls()
                before = process.cpu_seconds()
                response, _ = process.invoke(of_kind.events[turn])
                if turn >= WARM_UP:
                    seconds[kind] += process.cpu_seconds() - before
                shares.body_of(response, of_kind.status)
                dynamodb_calls[kind] = max(dynamodb_calls[kind], services.dynamodb_calls())
    return {kind: whole / INVOCATIONS for kind, whole in seconds.items()}


def start(environment, event, status):
    """Seconds from exec to the first response."""
    with Process((paths.BOOTSTRAP,), environment) as process:
        process.api.wait_for_next()
        response, arrived = process.api.invoke(event)
        shares.body_of(response, status)
        return arrived - process.started


def passcode_seconds(figures):
    """Seconds that a passcode's check takes at the memory that the template gives the function.

    What a press with a passcode takes more than one without is the check, and a call that writes its outcome.
    """
    memory = template_text.parsed()["Resources"]["LinkSigner"]["Properties"]["MemorySize"]
    check = median(figures.warm_cpu[PASSCODE]) - median(figures.warm_cpu[PRESS])
    return check * MEGABYTES_OF_A_PROCESSOR / memory
