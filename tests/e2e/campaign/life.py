"""Lives a plan: starts, freezes, stops, thaws and kills one process after another.

`signer_life` and `mailer_life` make the events and judge the responses.
"""

import asyncio
import random
import time
import uuid
from dataclasses import replace

from bare_lambda import requests

from . import counters as count
from . import events, expectations, judge, plan, sessions, weather
from .aws import Aws
from .environment import Ended, Environment

# How long the function may take to ask for its first event, and how long to wait for an answer after the deadline.
INITIALISATION_SECONDS = 20.0
AFTER_DEADLINE_SECONDS = 1.5


class LivingLife:
    """One life while it is lived."""

    def __init__(self, planned, command, counters, lag):
        self._plan = planned
        self._command = command
        self._counters = counters
        self._lag = lag
        # For what depends on the moment: what becomes of each connection, say.
        self._source = random.Random(f"{planned.name}/moments")
        self._aws = Aws(random.Random(f"{planned.name}/aws"))
        self._aws.policy_seconds = planned.policy_seconds
        self._environment = None
        self._session = None
        self._start = None
        self._is_frozen = False
        self._secrets = set()
        # Output and error bodies, which must hold no secret.
        self._words = []
        # Invocations that were killed, stopped or not answered: their mails may be sent twice.
        self._interrupted = set()
        self._weathers = {}

    async def live(self):
        """Live all of it."""
        self._counters.add(count.LIVES)
        await self._aws.start()
        try:
            for number, step in enumerate(self._plan.steps):
                await self._live_step(number, step)
            await self._conclude()
            await self._end_environment()
            self._judge_words()
        finally:
            await self._end_environment()
            await self._aws.stop()

    async def _live_step(self, number, step):
        try:
            if isinstance(step, plan.Start):
                await self._begin_environment(number, step)
            elif isinstance(step, plan.Freeze):
                await self._freeze(step)
            else:
                if self._environment is None:
                    same = replace(self._start, new_credentials=False, stop=None, killed_after=None)
                    await self._begin_environment(number, same)
                await self._invoke(number, step)
        except Ended as ended:
            self._fault(count.PANICS, f"step {number}: {ended}")
            await self._end_environment()

    async def _begin_environment(self, number, start):
        """Start a process. A planned kill is followed by another start."""
        if start.killed_after is not None:
            await self._start_process(f"{number}/killed", start)
            await asyncio.sleep(start.killed_after)
            self._counters.add(count.KILLED)
            start = replace(start, killed_after=None, new_credentials=False)
        await self._start_process(number, start)
        if start.stop:
            await asyncio.sleep(start.stop.after)
            await self._stop_for(start.stop.seconds)

    async def _start_process(self, number, start):
        await self._end_environment()
        if start.new_credentials or self._session is None:
            source = random.Random(f"{self._plan.name}/{number}/session")
            self._session = sessions.new_session(source, start.session_seconds)
            self._aws.sessions[self._session.access_key_id] = self._session
            self._secrets.update(self._session.secrets())
        self._start = start
        self._aws.attests = start.attests
        self._begin_weather(f"{number}/initialisation", start.moods)
        self._knowledge = expectations.Knowledge(self._session, self._plan.signing_role, start.attests)
        self._started_at = time.time()
        self._environment = await Environment(self._command, self._variables()).start()
        self._is_initialised = False
        self._counters.add(count.ENVIRONMENTS)

    def _variables(self):
        more = {
            **self._session.variables(),
            **self._aws.variables(),
            "GRANTS": events.grants(),
            "BUCKET_POLICY": self._plan.bucket_policy,
            # Inside Lambda nobody may believe this: it is later than the session's end.
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00Z",
        }
        if self._plan.signing_role:
            more["SIGNING_ROLE_ARN"] = "arn:aws:iam::123456789012:role/signing"
        return requests.environment(declared=False, **more)

    def _begin_weather(self, name, moods):
        self._aws.begin(weather.Weather(f"{self._plan.name}/{name}", moods))
        self._weathers[self._aws.invocation] = self._aws.weather

    async def _until_next(self):
        """Wait until the function asks for an event."""
        api = self._environment.api
        if await self._environment.before_it_ends(api.next_was_asked.wait(), INITIALISATION_SECONDS) is None:
            raise Ended("the function did not ask for an event")
        if not self._is_initialised:
            self._is_initialised = True
            self._initialised_at = time.time()
            # On a machine that is too busy a call may run out of time although the answer came.
            was_slow = time.time() - self._started_at > weather.CALL_TIMEOUT
            self._knowledge.initialised(self._aws.weather, interrupted=self._start.stop is not None or was_slow)

    async def _freeze(self, step):
        """Freeze the environment, as Lambda does while no event is there. The next event thaws it."""
        if self._environment is None or self._is_frozen:
            return
        await self._until_next()
        self._environment.stop()
        self._is_frozen = True
        self._counters.add(count.FREEZES)
        self._aws.freeze()
        await asyncio.sleep(step.seconds)

    async def _stop_for(self, seconds):
        """Stop the process somewhere in the middle, and let it go on."""
        self._environment.stop()
        self._counters.add(count.STOPS)
        self._aws.freeze(busy=self._source.random() < 0.5)
        await asyncio.sleep(seconds)
        self._environment.thaw()

    async def _invoke(self, number, invoke):
        if not self._is_frozen:
            await self._until_next()
        self._counters.add(count.REQUESTS)
        began_at = time.time()
        await self._deliver(number, invoke)
        if self._lag.since(began_at) >= self._lag.ALLOWED:
            self._knowledge.doubted()

    async def _deliver(self, number, invoke):
        """Make the event of this step, hand it out, and judge the response."""
        raise NotImplementedError

    async def _conclude(self):
        """Do what follows the last step."""

    async def _hand_out(self, number, invoke, event):
        """Hand out an event. Returns the response, or None, and for how many seconds the process was stopped."""
        self._begin_weather(number, invoke.moods)
        began_at = time.time()
        deadline = began_at + invoke.deadline
        environment = self._environment
        environment.api.hand_out(event, str(uuid.UUID(int=self._source.getrandbits(128), version=4)), deadline)
        if self._is_frozen:
            environment.thaw()
            self._is_frozen = False
        response, stopped = None, 0.0
        if invoke.stop:
            response = await environment.before_it_ends(environment.api.response(), invoke.stop.after)
            if response is None:
                stopped = invoke.stop.seconds
                await self._stop_for(stopped)
        elif invoke.killed_after is not None:
            response = await environment.before_it_ends(environment.api.response(), invoke.killed_after)
            self._counters.add(count.KILLED)
            await self._end_environment()
        if response is None and self._environment is not None:
            left = deadline + AFTER_DEADLINE_SECONDS - time.time()
            response = await environment.before_it_ends(environment.api.response(), left)
            allowed = deadline + self._lag.since(began_at)
            if response is None or response.arrived_at > allowed:
                late = "never" if response is None else f"{response.arrived_at - deadline:.2f} s late"
                self._fault(count.TOO_LATE, f"step {number}: {invoke.what} was answered {late}")
                # Lambda ends a process that misses its deadline.
                await self._end_environment()
        if response is None or stopped:
            self._interrupted.add(self._aws.invocation)
        return response, stopped

    def _is_judged(self, since, failures):
        """Whether there are failures, and this machine was fast enough since then to blame the function for them."""
        if not failures or self._lag.since(since) < self._lag.ALLOWED:
            return bool(failures)
        self._counters.add(count.UNJUDGED)
        return False

    async def _end_environment(self):
        if self._environment is None:
            return
        environment, self._environment = self._environment, None
        self._is_frozen = False
        await environment.end()
        self._words.append(environment.output)
        if "panicked" in environment.output:
            self._fault(count.PANICS, "the output says so")

    def _judge_words(self):
        secrets = self._secrets | self._aws.secrets
        for words in self._words:
            leaks = judge.leaks(words, secrets)
            if leaks:
                self._fault(count.SECRETS, f"{leaks[0]} and {len(leaks) - 1} more in one output or answer")

    def _fault(self, name, what):
        self._counters.fault(name, self._plan.name, f"{self._plan.function}, {what}")
