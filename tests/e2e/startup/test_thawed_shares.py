"""A page and a press after a freeze: through no dead connection, and counted once.

The process is stopped between two invocations, or within one. Meanwhile S3 and DynamoDB do to its connections what
happens to them in the cloud.
"""

import asyncio
import json
import time
from collections import Counter

import pytest
from bare_lambda import shares
from campaign.environment import Environment
from campaign.server import FATES, Answer, Server
from local_aws import paths
from local_lambda import stub_dynamodb

DEADLINE = 15.0
# DynamoDB's answer to a count takes so long where the process is stopped within the call, in seconds.
SLOW = 0.4


class Fate:
    """Draws one fate for all connections."""

    def __init__(self, fate):
        self._fate = fate

    def choice(self, _):
        return self._fate


class Services:
    """S3 and DynamoDB, and what they were asked."""

    def __init__(self):
        self.table = {}
        self.calls = Counter()
        self.counting_takes = 0.0
        self.was_counted = asyncio.Event()
        self._servers = [Server(self._dynamodb), Server(self._s3)]

    async def __aenter__(self):
        for server in self._servers:
            await server.start()
        return self

    async def __aexit__(self, *_):
        for server in self._servers:
            await server.stop()

    def variables(self):
        dynamodb, s3 = self._servers
        return {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url, "AWS_ENDPOINT_URL_S3": s3.url}

    def freeze(self, fate, busy=False):
        for server in self._servers:
            server.freeze(Fate(fate), busy)

    def downloads(self):
        [item] = self.table.values()
        return int(item["downloads"]["N"])

    def requests_in_vain(self):
        return sum(server.requests_in_vain for server in self._servers)

    async def _dynamodb(self, request):
        name = request.headers["x-amz-target"].split(".")[1]
        self.calls[name] += 1
        status, answer = stub_dynamodb.call(self.table, name, json.loads(request.body))
        delay = self.counting_takes if name == "UpdateItem" else 0.0
        self.counting_takes = 0.0 if delay else self.counting_takes
        if name == "UpdateItem":
            self.was_counted.set()
        return Answer(status, json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.0"}, delay)

    async def _s3(self, request):
        self.calls["OpenLink"] += 1
        return Answer(206, b"x", {"Content-Range": "bytes 0-0/1024"})


class Life:
    """One environment of the function with one share."""

    def __init__(self, services):
        self._services = services
        self._invocations = 0

    async def __aenter__(self):
        self._environment = await Environment(paths.BOOTSTRAP, shares.environment(**self._services.variables())).start()
        self.token = shares.token_in((await self.invoke(shares.make(max_downloads=5))).body)
        self._services.calls.clear()
        return self

    async def __aexit__(self, *_):
        await self._environment.end()

    def hand_out(self, event):
        self._invocations += 1
        request_id = f"00000000-0000-4000-8000-{self._invocations:012}"
        self._environment.api.hand_out(event, request_id, time.time() + DEADLINE)

    async def response(self):
        response = await self._environment.before_it_ends(self._environment.api.response(), DEADLINE)
        assert response is not None, self._environment.output
        return response

    async def invoke(self, event):
        self.hand_out(event)
        return await self.response()

    async def invoke_after_a_freeze(self, fate, event):
        """Freeze the environment as Lambda does between invocations, and thaw it with this event."""
        await self._environment.before_it_ends(self._environment.api.next_was_asked.wait(), DEADLINE)
        self._environment.stop()
        self._services.freeze(fate)
        await asyncio.sleep(0.05)
        self._services.calls.clear()
        self.hand_out(event)
        self._environment.thaw()
        return await self.response()

    def stop(self):
        self._environment.stop()

    def thaw(self):
        self._environment.thaw()


@pytest.mark.parametrize("fate", FATES)
def test_the_first_page_and_the_first_press_after_a_freeze_call_dynamodb_once_and_twice(built, fate):
    async def live():
        async with Services() as services, Life(services) as life:
            shares.body_of((await life.invoke(shares.page(life.token))).body, 200)
            page = await life.invoke_after_a_freeze(fate, shares.page(life.token))
            assert "quarterly-report-00000.pdf" in shares.body_of(page.body, 200)
            assert services.calls == {"GetItem": 1}
            for count in (1, 2):
                press = await life.invoke_after_a_freeze(fate, shares.press(life.token))
                assert "X-Amz-Signature=" in shares.location_in(press.body)
                assert services.calls == {"GetItem": 1, "OpenLink": 1, "UpdateItem": 1}
                assert services.downloads() == count
            assert services.requests_in_vain() == 0

    asyncio.run(live())


@pytest.mark.parametrize("fate", FATES)
def test_a_press_that_is_frozen_after_it_was_counted_is_answered_and_counted_once(built, fate):
    async def live():
        async with Services() as services, Life(services) as life:
            services.counting_takes = SLOW
            life.hand_out(shares.press(life.token))
            await asyncio.wait_for(services.was_counted.wait(), DEADLINE)
            life.stop()
            services.freeze(fate, busy=True)
            await asyncio.sleep(2 * SLOW)
            life.thaw()
            shares.location_in((await life.response()).body)
            assert services.downloads() == 1
            # Where the answer was lost, the call was made once more.
            assert services.calls["UpdateItem"] == (2 if fate in ("closed", "reset") else 1)

    asyncio.run(live())
