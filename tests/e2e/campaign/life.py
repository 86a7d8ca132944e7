"""Lives a plan: starts, freezes, stops, thaws and kills one process after another, and judges what they answer."""

import asyncio
import contextlib
import json
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
# A session that no window of the campaign outlasts, for what follows the planned steps.
LAST_START = plan.Start(True, 12 * 3600, "this function", weather.CALM)
LAST_INVOCATION = plan.Invoke("new", 0, 60.0, weather.CALM)
# So often a queue delivers a message before it goes to the dead letters.
DELIVERIES = 12
SHORTEST_MAIL_WINDOW = 60


class LivingLife:
    """One life while it is lived."""

    def __init__(self, planned, command, counters, lag):
        self._plan = planned
        self._command = command
        self._counters = counters
        self._lag = lag
        # For keys, tokens and what happens to connections. The plan has drawn all that matters.
        self._source = random.Random(f"{planned.name}/details")
        self._aws = Aws(self._source)
        self._environment = None
        self._session = None
        self._start = None
        self._is_frozen = False
        self._secrets = set()
        # Output and error bodies, which must hold no secret.
        self._words = []
        # The queue: messages that wait, and those that were handled. Ids to keys.
        self._waiting = {}
        self._handled = {}
        # Invocations that were killed, stopped or not answered: their mails may be sent twice.
        self._interrupted = set()
        self._weathers = {}
        self._made = 0

    async def live(self):
        """Live all of it."""
        self._counters.add(count.LIVES)
        await self._aws.start()
        try:
            for number, step in enumerate(self._plan.steps):
                await self._live_step(number, step)
            if self._plan.function == "mailer":
                await self._empty_queue()
                self._judge_mails()
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
                    await self._begin_environment(number, replace(self._start, new_credentials=False, stop=None, killed_after=None))
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
        self._knowledge.initialised(self._aws.weather, interrupted=start.stop is not None)

    async def _start_process(self, number, start):
        await self._end_environment()
        if start.new_credentials or self._session is None:
            self._session = sessions.new_session(self._source, start.session_seconds)
            self._aws.sessions[self._session.access_key_id] = self._session
            self._secrets.update(self._session.secrets())
        self._start = start
        self._aws.attests = start.attests
        self._begin_weather(f"{number}/initialisation", start.moods)
        self._knowledge = expectations.Knowledge(self._session, self._plan.signing_role, start.attests)
        self._environment = await Environment(self._command, self._variables()).start()
        self._counters.add(count.ENVIRONMENTS)

    def _variables(self):
        more = {
            **self._session.variables(),
            **self._aws.variables(),
            "GRANTS": events.grants(),
            # Inside Lambda nobody may believe this: it is later than the session's end.
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00Z",
        }
        if self._plan.signing_role:
            more["SIGNING_ROLE_ARN"] = "arn:aws:iam::123456789012:role/signing"
        if self._plan.function == "mailer":
            more.update(
                MAIL_FROM="files@example.com",
                MAIL_ALLOWED_RECIPIENTS="*@example.com",
                MAIL_TABLE="mails",
                MAIL_MIN_EXPIRES_IN=str(SHORTEST_MAIL_WINDOW),
            )
        return requests.environment(declared=False, **more)

    def _begin_weather(self, name, moods):
        self._aws.begin(weather.Weather(f"{self._plan.name}/{name}", moods))
        self._weathers[self._aws.invocation] = self._aws.weather

    async def _until_next(self):
        """Wait until the function asks for an event."""
        api = self._environment.api
        if await self._environment.before_it_ends(api.next_was_asked.wait(), INITIALISATION_SECONDS) is None:
            raise Ended("the function did not ask for an event")

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
        if self._plan.function == "mailer":
            await self._invoke_mailer(number, invoke)
        else:
            await self._invoke_signer(number, invoke)

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

    def _is_judged(self, since):
        """Whether this machine was fast enough since then to judge what the function could do."""
        if self._lag.since(since) < self._lag.ALLOWED:
            return True
        self._counters.add(count.UNJUDGED)
        return False

    async def _invoke_signer(self, number, invoke):
        self._counters.add(count.REQUESTS)
        keys = [f"{number}/{index}.pdf" for index in range(invoke.count)]
        event = events.signer_event(invoke, keys, random.Random(f"{self._plan.name}/{number}/window"))
        began_at = time.time()
        response, stopped = await self._hand_out(number, invoke, event)
        if response is None:
            return
        answer = judge.answer(invoke, response)
        self._words += answer.words
        self._secrets |= judge.signatures(answer.links)
        for broken in judge.broken_promises(answer, self._aws.sessions):
            self._fault(count.BROKEN, f"step {number}: {broken}")
        window = 604_800 if invoke.what == "session" else max(events.WINDOWS)
        session = self._knowledge.session(self._aws.weather, window, 1, stopped > 0)
        could = expectations.links(invoke, keys, self._aws.weather, session, stopped)
        missing = [index for index, link in enumerate(answer.links) if link is None]
        wrongly = [index for index in missing if could[index]]
        self._counters.add(count.LINKS, len(keys) - len(missing))
        if wrongly and self._is_judged(began_at):
            asked = sorted((call, asked) for (call, key), asked in self._aws.asked.items())
            self._fault(
                count.REFUSED,
                f"step {number}: {invoke.what} was answered {answer.status}, {len(wrongly)} of {len(keys)} links missing "
                f"(problem {problem_codes(answer.words)}; calls {asked[:6]}; weather {self._aws.weather.moods})",
            )
        elif missing:
            self._counters.add(count.EXCUSED)
        self._knowledge.invoked(self._aws, stopped > 0, answer.evidence)

    async def _invoke_mailer(self, number, invoke):
        messages = self._messages(number, invoke)
        objects = {key: self._aws.objects[key] for key in messages.values()}
        self._counters.add(count.REQUESTS)
        began_at = time.time()
        response, stopped = await self._hand_out(number, invoke, events.queue_event(messages))
        session = self._knowledge.session(self._aws.weather, 43_200, SHORTEST_MAIL_WINDOW, stopped > 0)
        failed = set(messages)
        if response is not None and response.kind == "response":
            failed = {failure["itemIdentifier"] for failure in json.loads(response.body)["batchItemFailures"]}
            self._words.append(response.body.decode(errors="replace"))
        for message_id, key in messages.items():
            if message_id not in failed:
                self._waiting.pop(message_id, None)
                self._handled[message_id] = key
        if response is None:
            return
        sent = {(mail.key, mail.recipient) for mail in self._aws.mails}
        wanted = {(key, recipient) for key, recipients in objects.items() for recipient in recipients}
        late = [pair for pair in expectations.mails(invoke, objects, self._aws.weather, session, stopped) if pair not in sent]
        if late and invoke.what == "new" and self._is_judged(began_at):
            for pair in late:
                asked = {call: times for (call, key), times in self._aws.asked.items() if key in (pair[0], " ".join(pair))}
                self._fault(count.LATE, f"step {number}: {pair[0]} to {pair[1]} (calls {asked}; {self._aws.weather.moods})")
        self._counters.add(count.MAILS_WAITED, len(wanted - sent) - len(late))
        self._knowledge.invoked(self._aws, stopped > 0, set())

    def _messages(self, number, invoke):
        """The messages that the queue delivers: ids to keys."""
        if invoke.what == "again" and self._handled:
            message_id = self._source.choice([*self._handled])
            return {message_id: self._handled[message_id]}
        for _ in range(invoke.count):
            self._made += 1
            key = f"private-files/{number}-{self._made}.pdf"
            self._aws.objects[key] = [f"reader-{self._made}-{index}@example.com" for index in range(self._source.randint(1, 2))]
            self._counters.add(count.MAILS_WANTED, len(self._aws.objects[key]))
            self._waiting[f"message-{self._made}"] = key
        # Six minutes have passed since the messages that came back were delivered, so all leases are over.
        self._aws.end_leases()
        return dict([*self._waiting.items()][:10])

    async def _empty_queue(self):
        """Let everything work again, and deliver until the queue is empty."""
        for delivery in range(DELIVERIES):
            if not self._waiting:
                return
            number = f"last {delivery}"
            if delivery == 0:
                await self._live_step(number, LAST_START)
            await self._live_step(number, LAST_INVOCATION)

    def _judge_mails(self):
        sent = {}
        for mail in self._aws.mails:
            self._counters.add(count.MAILS_SENT)
            sent.setdefault((mail.key, mail.recipient), []).append(mail)
            for broken in judge.broken_mail(mail, self._aws.sessions):
                self._fault(count.BROKEN, f"{mail.key}: {broken}")
        for key, recipients in self._aws.objects.items():
            for recipient in recipients:
                mails = sent.get((key, recipient), [])
                if not mails:
                    self._fault(count.LOST, f"{key} to {recipient}")
                for earlier in mails[:-1]:
                    if self._may_be_doubled(earlier):
                        self._counters.add(count.ADMITTED)
                    else:
                        self._fault(count.DOUBLED, f"{key} to {recipient}, first in invocation {earlier.invocation}")

    def _may_be_doubled(self, mail):
        """Whether the function could not know or mark that SES took this mail."""
        marked = expectations.expected(self._weathers[mail.invocation], "mark", f"{mail.key} {mail.recipient}")
        return not mail.was_told or mail.invocation in self._interrupted or not marked.is_certain

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


class Lag:
    """Measures how late this process's own event loop is. A machine that is too busy judges nobody."""

    ALLOWED = 0.3

    def __init__(self):
        # (when, how many seconds late)
        self._late = []

    async def __aenter__(self):
        self._task = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def since(self, instant):
        """The worst since then, in seconds."""
        return max((late for when, late in self._late if when >= instant), default=0.0)

    async def _measure(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.05)
            late = time.monotonic() - before - 0.05
            if late > 0.05:
                self._late.append((time.time(), late))


def problem_codes(words):
    """The codes of the problems in these words, for a person who looks for the cause."""
    codes = set()
    for word in words:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            problem = json.loads(word)
            codes.add((json.loads(problem["body"]) if "body" in problem else problem)["code"])
    return sorted(codes)
