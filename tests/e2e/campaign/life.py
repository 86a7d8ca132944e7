"""Lives a plan: starts, freezes, stops, thaws and kills one process after another.

`signer_life` and `mailer_life` make the events and judge the responses.
"""

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, replace

from bare_lambda import requests

from . import answers, events, expectations, plan, sessions
from . import counters as count
from .aws import Aws
from .environment import Ended, Environment
from .expectations import Disturbance
from .lag import Watch
from .runtime_api import Response

# How long the function may take to ask for its first event, and how long to wait for an answer after the deadline.
INITIALISATION_SECONDS = 20.0
AFTER_DEADLINE_SECONDS = 1.5


@dataclass
class Handled:
    """What became of an event that was handed out."""

    # None: there was none.
    response: Response
    disturbance: Disturbance


class LivingLife:
    """One life while it is lived."""

    # Whether the function makes one call after the other.
    CALLS_ARE_IN_TURN = False
    # The function begins nothing that can take long in so many last seconds before the deadline. What this machine
    # withholds from them, and nothing that it withheld before, makes an answer as much later.
    KEPT_FOR_ANSWER = None

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
        # What each invocation lost.
        self._disturbances = {}
        # Invocations that this machine was too late for.
        self._not_judged = set()
        self._answers = {}

    async def live(self):
        """Live all of it."""
        self._counters.add(count.LIVES)
        await self._aws.start()
        try:
            for number, step in enumerate(self._plan.steps):
                await self._live_step(number, step)
            await self._conclude()
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
        self._aws.begin_initialisation(self._answers_named(f"{number}/initialisation", start.states))
        self._answers[self._aws.invocation] = self._aws.answers
        self._knowledge = expectations.Knowledge(self._session, self._plan.signing_role, start.attests)
        environment = Environment(self._command, self._variables())
        self._starting = Watch(self._lag, environment, self._aws)
        self._environment = await environment.start()
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

    def _answers_named(self, name, states):
        return answers.Answers(f"{self._plan.name}/{name}", states)

    async def _until_next(self):
        """Wait until the function asks for an event."""
        if not await self._environment.asks_for_an_event(self._lag, self._aws, INITIALISATION_SECONDS):
            raise Ended("the function did not ask for an event")
        if not self._is_initialised:
            self._is_initialised = True
            self._initialised_at = time.time()
            stopped = self._start.stop.seconds if self._start.stop else 0.0
            self._knowledge.initialised(self._aws.answers, Disturbance(stopped, self._starting.withheld()))

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
        await self._deliver(number, invoke)

    async def _deliver(self, number, invoke):
        """Make the event of this step, hand it out, and judge the response."""
        raise NotImplementedError

    async def _conclude(self):
        """Do what follows the last step."""

    async def _hand_out(self, number, invoke, event):
        """Hand out an event. Returns what became of it."""
        deadline = time.time() + invoke.deadline
        environment = self._environment
        watch = Watch(self._lag, environment, self._aws)
        self._aws.begin(self._answers_named(number, invoke.states), watch.withheld)
        self._answers[self._aws.invocation] = self._aws.answers
        self._knowledge.event_comes()
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
            response, is_in_time = await self._response_in_time(number, invoke, environment, deadline)
            if not is_in_time:
                # Lambda ends a process that misses its deadline.
                await self._end_environment()
        withheld = watch.withheld()
        of_calls = expectations.each_call(self._aws.arrivals, withheld) if self.CALLS_ARE_IN_TURN else None
        disturbance = Disturbance(stopped, withheld, of_calls)
        self._disturbances[self._aws.invocation] = disturbance
        if response is None or stopped:
            self._interrupted.add(self._aws.invocation)
        return Handled(response, disturbance)

    async def _response_in_time(self, number, invoke, environment, deadline):
        """The response, or None, and whether it comes before the deadline. It is a fault if it does not.

        The deadline is as much later as this machine withheld of the time that the function keeps for its answer.
        """
        kept_from = deadline - self.KEPT_FOR_ANSWER
        response = await environment.before_it_ends(environment.api.response(), kept_from - time.time())
        watch = Watch(self._lag, environment, self._aws, kept_from)
        while response is None:
            left = deadline + AFTER_DEADLINE_SECONDS + watch.withheld() - time.time()
            if left <= 0.0:
                break
            response = await environment.before_it_ends(environment.api.response(), left)
        if response is not None and response.arrived_at <= deadline:
            return response, True
        if response is not None and response.arrived_at <= deadline + watch.withheld():
            self._doubt()
            return response, True
        late = "never" if response is None else f"{response.arrived_at - deadline:.2f} s late"
        withheld = f"this machine withheld {watch.withheld():.2f} s"
        self._fault(count.TOO_LATE, f"step {number}: {invoke.what} was answered {late}, and {withheld}")
        return response, False

    def _judged(self, disturbance, failures):
        """What the function failed to do. `failures` says what it is if an invocation lost this.

        If it failed only because of what this machine withheld, nothing failed, and the invocation is not judged.
        """
        failed = failures(disturbance)
        if not failed and failures(disturbance.planned()):
            self._doubt()
        return failed

    def _doubt(self):
        """Count this invocation as one that was not judged."""
        if self._aws.invocation not in self._not_judged:
            self._not_judged.add(self._aws.invocation)
            self._counters.add(count.UNJUDGED)

    async def _end_environment(self):
        if self._environment is None:
            return
        environment, self._environment = self._environment, None
        self._is_frozen = False
        await environment.end()
        self._words.append(environment.output)
        if "panicked" in environment.output:
            self._fault(count.PANICS, "the output says so")

    def words(self):
        """All that the function said in this life, and the secrets that must not be in it.

        All words together, because preparing the secrets takes longer than searching for them.
        """
        return "\n".join(self._words), [secret for secret in self._secrets | self._aws.secrets if secret]

    def _fault(self, name, what):
        self._counters.fault(name, self._plan.name, f"{self._plan.function}, {what}")
