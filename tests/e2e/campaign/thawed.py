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
from . import events, sessions, weather
from .aws import Aws
from .environment import Environment

DEADLINE = 15.0
AT_ONCE = 50
# STS is this far away, in seconds.
STS_SECONDS = 0.06


class FarSts(weather.Weather):
    """Every answer is good, and STS's takes its time."""

    def outcome(self, call, key, number):
        return weather.Outcome("good", STS_SECONDS)


def refused(seed, environments, command):
    """Thaw so many environments. Returns how many first requests were refused."""
    counters = count.Counters()
    asyncio.run(run(seed, environments, command, counters))
    return counters[count.FIRST_REFUSED]


async def run(seed, environments, command, counters):
    """Thaw so many environments, and count those whose first request was refused."""
    waiting = iter(range(environments))

    async def thaw_some():
        for number in waiting:
            counters.add(count.THAWED)
            status = await first_status(random.Random(f"{seed}/thawed/{number}"), command)
            if status != 200:
                counters.fault(count.FIRST_REFUSED, f"{seed}, environment {number}", f"status {status}")

    async with asyncio.TaskGroup() as some:
        for _ in range(AT_ONCE):
            some.create_task(thaw_some())


async def first_status(source, command):
    """The status of the first answer of one environment. None if there was no answer before the deadline."""
    aws = await Aws(source).start()
    session = sessions.new_session(source, 11 * 3600)
    aws.sessions[session.access_key_id] = session
    aws.begin(FarSts("thawed", weather.CALM))
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
        environment.thaw()
        response = await environment.before_it_ends(environment.api.response(), DEADLINE)
        return response and json.loads(response.body).get("statusCode")
    finally:
        await environment.end()
        await aws.stop()
