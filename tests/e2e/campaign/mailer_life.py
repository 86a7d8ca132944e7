"""A life of the mailer: its queue, and whether each mail goes out once, and in the invocation that was given it."""

import asyncio
import contextlib
import itertools
import json
import random
import time
import uuid

from . import counters as count
from . import answers, events, expectations, judge, plan
from .environment import Ended, Environment
from .lag import Watch
from .life import INITIALISATION_SECONDS, LivingLife

# What follows the planned steps: an environment and invocations in which everything works.
LAST_START = plan.Start(True, 12 * 3600, "this function", answers.HEALTHY)
LAST_INVOCATION = plan.Invoke("new", 0, 60.0, answers.HEALTHY)
# So often a queue delivers a message before it goes to the dead letters.
DELIVERIES = 12
# The least window of a mail, in seconds: LEAST_EXPIRES_IN in src/mail/settings.rs.
SHORTEST_WINDOW = 900


class MailerLife(LivingLife):
    """One life of the mailer while it is lived."""

    CALLS_ARE_IN_TURN = True
    KEPT_FOR_ANSWER = expectations.MIN_TIME_FOR_SES

    def __init__(self, *arguments):
        super().__init__(*arguments)
        # The queue: messages that wait, and those that were handled. Ids to keys.
        self._waiting = {}
        self._handled = {}
        self._made = 0

    def _variables(self):
        return {
            **super()._variables(),
            "MAIL_FROM": "files@example.com",
            "MAIL_ALLOWED_RECIPIENTS": "*@example.com",
            "MAIL_TABLE": "mails",
        }

    async def _deliver(self, number, invoke):
        messages = self._messages(number, invoke)
        objects = {key: self._aws.objects[key] for key in messages.values()}
        event = events.queue_event(messages)
        if invoke.what == "twice":
            handled = await self._hand_out_twice(number, invoke, event, messages)
        else:
            handled = await self._hand_out(number, invoke, event)
        self._take_from_queue(messages, handled.response)
        if handled.response is None:
            return
        disturbance = handled.disturbance
        sent = {(mail.key, mail.recipient) for mail in self._aws.mails}
        wanted = {(key, recipient) for key, recipients in objects.items() for recipient in recipients}
        late = []
        if invoke.what == "new":
            late = self._judged(disturbance, lambda lost: self._late(invoke, objects, sent, lost))
        for pair in late:
            asked = {call: times for (call, key), times in self._aws.asked.items() if key in (pair[0], " ".join(pair))}
            known = f"calls {asked}; {disturbance.withheld:.2f} s withheld; {self._aws.answers.states}"
            self._fault(count.LATE, f"step {number}: {pair[0]} to {pair[1]} ({known})")
        self._counters.add(count.MAILS_WAITED, len(wanted - sent) - len(late))
        self._knowledge.invoked(self._aws, disturbance, set())

    def _late(self, invoke, objects, sent, disturbance):
        """The mails that had to go out and did not."""
        session = self._knowledge.session(self._aws.answers, 43_200, SHORTEST_WINDOW, disturbance)
        policy = self._knowledge.policy(self._aws.answers, disturbance)
        if self._plan.bucket_policy == "heed":
            policy = expectations.Expected(True, policy.seconds)
        certain = expectations.mails(invoke, objects, self._aws.answers, session.then(policy), disturbance)
        return [pair for pair in certain if pair not in sent]

    async def _hand_out_twice(self, number, invoke, event, messages):
        """Hand out the same event to another environment too. Returns what became of it in this life's own."""
        async with self._other_environment() as other:
            watch = Watch(self._lag, other, self._aws)
            deadline = time.time() + invoke.deadline
            other.api.hand_out(event, str(uuid.uuid4()), deadline)
            others = self._response_in_time(f"{number}, the other environment", invoke, other, deadline)
            others = asyncio.create_task(others)
            try:
                handled = await self._hand_out(number, invoke, event)
                response, _ = await others
            finally:
                others.cancel()
            self._take_from_queue(messages, response)
            # The calls of both are mixed.
            lost = handled.disturbance
            handled.disturbance = expectations.Disturbance(lost.stopped, lost.withheld + watch.withheld())
            self._disturbances[self._aws.invocation] = handled.disturbance
        return handled

    @contextlib.asynccontextmanager
    async def _other_environment(self):
        """Another environment of the function, which waits for an event."""
        environment = await Environment(self._command, self._variables()).start()
        self._counters.add(count.ENVIRONMENTS)
        try:
            if not await environment.asks_for_an_event(self._lag, self._aws, INITIALISATION_SECONDS):
                raise Ended("the other environment did not ask for an event")
            yield environment
        finally:
            await environment.end()
            self._words.append(environment.output)

    def _take_from_queue(self, messages, response):
        """Take the messages out of the queue that a response does not name as failed."""
        if response is None or response.kind != "response":
            return
        failed = {failure["itemIdentifier"] for failure in json.loads(response.body)["batchItemFailures"]}
        self._words.append(response.body.decode(errors="replace"))
        for message_id, key in messages.items():
            if message_id not in failed:
                self._waiting.pop(message_id, None)
                self._handled[message_id] = key

    def _messages(self, number, invoke):
        """The messages that the queue delivers: ids to keys."""
        if invoke.what == "again" and self._handled:
            message_id = self._source.choice([*self._handled])
            return {message_id: self._handled[message_id]}
        for _ in range(invoke.count):
            self._made += 1
            key = f"private-files/{number}-{self._made}.pdf"
            source = random.Random(f"{self._plan.name}/{key}")
            readers = [f"reader-{self._made}-{index}@example.com" for index in range(source.randint(1, 2))]
            self._aws.put_object(key, readers)
            self._counters.add(count.MAILS_WANTED, len(readers))
            self._waiting[f"message-{self._made}"] = key
        # Six minutes have passed since the messages that came back were delivered, so all leases are over.
        self._aws.end_leases()
        return dict([*self._waiting.items()][:10])

    async def _conclude(self):
        """Let everything work again, deliver until the queue is empty, and judge all mails."""
        await self._empty_queue()
        self._judge_mails()

    async def _empty_queue(self):
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
                for earlier, later in itertools.pairwise(mails):
                    if self._may_be_doubled(earlier, later):
                        self._counters.add(count.ADMITTED)
                    else:
                        both = f"in invocations {earlier.invocation} and {later.invocation}"
                        self._fault(count.DOUBLED, f"{key} to {recipient}, {both} (marked before: {later.was_marked})")

    def _may_be_doubled(self, earlier, later):
        """Whether the function could not know or mark that SES took the earlier mail."""
        if later.was_marked:
            return False
        if earlier.invocation in self._interrupted:
            return True
        given, lost = self._answers[earlier.invocation], self._disturbances[earlier.invocation]
        return not expectations.is_marked(earlier, given, lost)
