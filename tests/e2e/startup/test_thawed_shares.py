"""A page and a press after a freeze: through no dead connection, and counted once.

The process is stopped between two invocations, or within one. Meanwhile S3 and DynamoDB do to its connections what
happens to them in the cloud.
"""

import asyncio
import json
import time
from collections import Counter

import pytest
from bare_lambda import requests, shares
from campaign.environment import Environment
from fake_aws import FakeAws, orders
from fake_aws.orders import FATES
from local_aws import paths

DEADLINE = 15.0
# DynamoDB's answer to a count takes so long where the process is stopped within the call, in seconds.
SLOW = 0.4


class Services:
    """S3 and DynamoDB, each with an address of its own, and what they were asked."""

    def __init__(self):
        self._aws = FakeAws()

    def __enter__(self):
        self._aws.__enter__()
        self._aws.put_all_objects(requests.BUCKET, size=1024)
        return self

    def __exit__(self, *error):
        self._aws.__exit__(*error)

    def variables(self):
        dynamodb, s3 = self._aws.endpoints(2)
        return {"AWS_ENDPOINT_URL_DYNAMODB": dynamodb, "AWS_ENDPOINT_URL_S3": s3}

    def freeze(self, fate, busy=False):
        """Let all connections meet one fate."""
        self._aws.freeze_connections([fate], busy)

    def forget_calls(self):
        self._aws.take_calls()

    def calls(self):
        """How many calls of each operation there were, since they were forgotten."""
        return Counter(call.operation for call in self._aws.calls())

    def count_slowly(self):
        """Let DynamoDB take its time for the count of the next press, which reads the share first."""
        self._aws.fail("dynamodb", orders.NO_FAULT, orders.late(SLOW))

    async def until_counted(self):
        await asyncio.wait_for(asyncio.to_thread(self._aws.until, "UpdateItem"), DEADLINE)

    def downloads(self):
        [item] = self._aws.items(shares.TABLE).values()
        return int(item["downloads"]["N"])

    def requests_in_vain(self):
        return self._aws.requests_in_vain()


class Life:
    """One environment of the function with one share."""

    def __init__(self, services):
        self._services = services
        self._invocations = 0

    async def __aenter__(self):
        self._environment = await Environment(paths.BOOTSTRAP, shares.environment(**self._services.variables())).start()
        self.token = shares.token_in((await self.invoke(shares.make(max_downloads=5))).body)
        self._services.forget_calls()
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
        self._services.forget_calls()
        self.hand_out(event)
        self._environment.thaw()
        return await self.response()

    def stop(self):
        self._environment.stop()

    def thaw(self):
        self._environment.thaw()


@pytest.mark.parametrize("fate", FATES)
def test_the_first_page_and_the_first_press_after_a_freeze_call_dynamodb_once_and_twice(built, fate):
    async def live(services):
        async with Life(services) as life:
            shares.body_of((await life.invoke(shares.page(life.token))).body, 200)
            page = await life.invoke_after_a_freeze(fate, shares.page(life.token))
            assert "quarterly-report-00000.pdf" in shares.body_of(page.body, 200)
            assert services.calls() == {"GetItem": 1}
            for count in (1, 2):
                press = await life.invoke_after_a_freeze(fate, shares.press(life.token))
                assert "X-Amz-Signature=" in shares.location_in(press.body)
                assert services.calls() == {"GetItem": 1, "GetObject": 1, "UpdateItem": 1}
                assert services.downloads() == count
            assert services.requests_in_vain() == 0

    with Services() as services:
        asyncio.run(live(services))


@pytest.mark.parametrize("fate", FATES)
def test_a_press_that_is_frozen_after_it_was_counted_is_answered_and_counted_once(built, fate):
    async def live(services):
        async with Life(services) as life:
            services.count_slowly()
            life.hand_out(shares.press(life.token))
            await services.until_counted()
            life.stop()
            services.freeze(fate, busy=True)
            await asyncio.sleep(2 * SLOW)
            life.thaw()
            shares.location_in((await life.response()).body)
            assert services.downloads() == 1
            # Where the answer was lost, the call was made once more.
            assert services.calls()["UpdateItem"] == (2 if fate in ("closed", "reset") else 1)

    with Services() as services:
        asyncio.run(live(services))
