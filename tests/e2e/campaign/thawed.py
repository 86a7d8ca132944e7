"""Environments that were made ahead of need: frozen soon after their start, and thawed by their first request.

Lambda makes environments ahead of need with provisioned concurrency, and for functions on demand too. Their first
request comes seconds or hours later. Connections that were open have died by then.

Source: AWS Lambda guide, "Function scaling and proactive initialization".
"""

import asyncio
import json
import random
import time

from bare_lambda import requests
from local_lambda import requests as gateway

from . import counters as count
from . import answers, events, sessions, spreading
from .aws import Aws
from .counters import Counters
from .environment import Environment
from .lag import Lag, Watch

DEADLINE = 15.0
AT_ONCE = 50
# STS is this far away, in seconds.
STS_SECONDS = 0.06


class FarSts(answers.Answers):
    """Every answer is good, and STS's takes its time."""

    def outcome(self, call, key, number):
        return answers.Outcome("good", STS_SECONDS)


def refused(seed, environments, command):
    """Thaw so many environments. Returns how many first requests were refused."""
    counters = Counters()
    asyncio.run(run(seed, environments, command, counters))
    return counters[count.FIRST_REFUSED]


async def run(seed, environments, command, counters, at_once=AT_ONCE):
    """Thaw so many environments, and count those whose first request was refused."""
    for thawed in await spreading.spread(thaw, range(environments), at_once, seed, command):
        counters.take(thawed)


async def thaw(numbers, at_once, seed, command):
    """Thaw the environments with these numbers in this process. Returns the counters."""
    counters = Counters()

    async def thaw_one(number):
        counters.add(count.THAWED)
        status, withheld = await first_status(random.Random(f"{seed}/thawed/{number}"), command, lag)
        if status != 200 and withheld + STS_SECONDS < answers.CALL_TIMEOUT:
            what = f"status {status}, {withheld:.2f} s withheld"
            counters.fault(count.FIRST_REFUSED, f"{seed}, environment {number}", what)
        elif status != 200:
            counters.add(count.UNJUDGED)

    async with Lag() as lag:
        await spreading.in_lanes(thaw_one, numbers, at_once)
    return counters


async def first_status(source, command, lag):
    """The status of the first answer of one environment, and how many seconds this machine withheld from it.

    None if there was no answer before the deadline.
    """
    aws = await Aws(source).start()
    session = sessions.new_session(source, 11 * 3600)
    aws.sessions[session.access_key_id] = session
    aws.begin(FarSts("thawed", answers.HEALTHY))
    variables = requests.environment(
        declared=False,
        **session.variables(),
        **aws.variables(),
        GRANTS=events.grants(),
        BUCKET_POLICY="require",
        AWS_LAMBDA_INITIALIZATION_TYPE="on-demand",
    )
    environment = await Environment(command, variables).start()
    try:
        if source.random() < 0.5:
            # After exec: the freeze may come before the first event is asked for.
            await asyncio.sleep(source.uniform(0.0, 0.2))
        else:
            await environment.api.next_was_asked.wait()
            await asyncio.sleep(source.uniform(0.045, 0.2))
        environment.stop()
        aws.freeze()
        await asyncio.sleep(source.uniform(1.0, 4.0))
        event = json.dumps(gateway.post("/links", {"key": "private-files/report.pdf"})).encode()
        environment.api.hand_out(event, "00000000-0000-4000-8000-000000000001", time.time() + DEADLINE)
        watch = Watch(lag, environment, aws)
        environment.thaw()
        response = await environment.before_it_ends(environment.api.response(), DEADLINE)
        return response and json.loads(response.body).get("statusCode"), watch.withheld()
    finally:
        await environment.end()
        await aws.stop()
