"""What may fail: which requests could have been served, and which mails had to go out.

A link **could have been served** if every answer that it needed would have come within the time that the function may
wait. In detail:

- A call that gets no answer (the connection is reset, nothing comes within 2 s, or what comes can't be read) is made
  once more. So of the first two calls of a kind, about one object, one must bring an answer. Whether the second one
  does is known even if the function did not make it.
- A call that is throttled or meets a fault is made once more too, except for the token and the check.
- A refusal (403) is final.
- SES is called once. It may take 10 s.
- All calls together, and the time for which the process was stopped, must leave a second before the deadline.
- A process that was stopped within an invocation may lose the call that was under way: either one of each kind.
- A good answer may be lost if this machine withheld as much from the call as was left before its time-out. What is
  withheld is measured (`lag`), and is missing before the deadline as well.
- Later invocations need not ask again after a failure that was not excused in this way: for 30 s after a token, for
  2 s after an `AssumeRole` without an answer, for 30 s after a refused one, and never after a refused token. Failures of
  the initialisation start no such pause.
- What a good answer proved in an initialisation that nothing interrupted need not be asked for again, so a later
  failure of STS is no excuse.
- The bucket's policy is asked for under the same rules, with a pause of 2 s. A refusal holds for the rest of the life.
- A session whose end is so near that no window fits gives no link.

A mail **had to go out** in its invocation under the same rules. It is begun only if 28 s are left.

A mail **may go out twice** if the table did not say that it was sent when SES took it for the second time, and if the
function could not know that SES took it, or could not mark it. Marking may take 6 s.
"""

import heapq
import time
from dataclasses import dataclass

from .answers import CALL_TIMEOUT, MARK_TIMEOUT, REFUSAL, SES_TIMEOUT

# What the function keeps for its answer, and what this machine may lose, in seconds.
TIME_TO_ANSWER = 1.0
SLACK = 1.0
MIN_TIME_FOR_MAIL = 28.0
MIN_TIME_FOR_SES = 18.0
# Seconds that a session must have left, beyond the shortest window, so that there is a link for certain.
MARGIN = 10.0
# The function makes no second call of these after a fault.
ONE_FAULT = ("token", "check", "send", "caller")
# The SDK waits up to a second before it makes a call again.
BACKOFF = 1.0
TOKEN_PAUSE = 31.0
MINT_PAUSE = 2.5
POLICY_PAUSE = 2.5
# So often the function tries to mark a mail.
MOST_MARKS = 9
MINT_REFUSED_PAUSE = 31.0


@dataclass(frozen=True)
class Disturbance:
    """What an invocation lost: for how many seconds the process was stopped, and what this machine withheld from it."""

    stopped: float = 0.0
    withheld: float = 0.0
    # How much of it was withheld from each call that the function made: from the call before to the call after. The keys
    # are the call, what it is about, and its number. None: calls are made side by side, and any may have lost all of it.
    of_calls: dict = None

    @property
    def seconds(self):
        return self.stopped + self.withheld

    def planned(self):
        """What is left of it on a machine that withholds nothing."""
        return Disturbance(self.stopped)

    def of(self, *calls):
        """What was withheld from these calls together. Nothing was from a call that was not made."""
        return self.withheld if self.of_calls is None else sum(self.of_calls.get(call, 0.0) for call in calls)


def each_call(arrivals, withheld):
    """`Disturbance.of_calls` of calls that were made one after the other.

    `arrivals` says what had been withheld when each call arrived, and `withheld` what had been in the end.
    """
    amounts = [0.0, *(amount for _, amount in arrivals), withheld]
    return {call: amounts[index + 2] - amounts[index] for index, (call, _) in enumerate(arrivals)}


NO_DISTURBANCE = Disturbance()


@dataclass(frozen=True)
class Expected:
    """Whether there is an answer for certain, and how many seconds it takes at most."""

    is_certain: bool
    seconds: float

    def then(self, other):
        """This and then the other."""
        return Expected(self.is_certain and other.is_certain, self.seconds + other.seconds)


NOTHING = Expected(True, 0.0)


def expected(answers, call, key, disturbance=NO_DISTURBANCE, first=0):
    """What comes of a call and of its repetition. If the process was stopped, either of them may be lost.

    `first` is the number of the call among those like it.
    """
    timeout = SES_TIMEOUT if call == "send" else CALL_TIMEOUT
    due = 1 if call == "send" else 2
    spent = 0.0

    def is_in_time(outcome, number):
        return outcome.is_good and outcome.delay + disturbance.of((call, key, number)) < timeout

    if disturbance.stopped:
        both = [answers.outcome(call, key, number) for number in (first, first + 1)]
        is_certain = call != "send" and all(is_in_time(outcome, number) for number, outcome in enumerate(both, first))
        return Expected(is_certain, timeout + max(timeout, both[1].delay))
    for number in range(first, first + due):
        outcome = answers.outcome(call, key, number)
        if is_in_time(outcome, number):
            return Expected(True, spent + outcome.delay)
        if outcome.name == REFUSAL:
            return Expected(False, spent + outcome.delay)
        if outcome.is_silent or outcome.is_good:
            spent += timeout
        elif call in ONE_FAULT:
            return Expected(False, spent + outcome.delay)
        else:
            spent += outcome.delay + BACKOFF
    # The SDK may go on for as long as both calls may take.
    return Expected(False, max(spent, 2 * CALL_TIMEOUT))


class Knowledge:
    """What one process knows of its session for certain, and what it need not ask again yet."""

    def __init__(self, session, signing_role, attests):
        self._session = session
        self._signing_role = signing_role
        self._is_proven = False
        self._token_is_refused = attests != "this function"
        self._no_token_before = 0.0
        self._has_minted = False
        self._no_minting_before = 0.0
        self._has_policy = False
        self._policy_is_refused = False
        self._no_policy_before = 0.0
        self._event_came_at = 0.0

    def event_comes(self):
        """Take in that an event comes now. A pause that ends later may keep the function from asking."""
        self._event_came_at = time.time()

    def initialised(self, answers, disturbance):
        """Take in what the initialisation learned from these answers."""
        # The SDK may have asked three times.
        policy = [answers.outcome("policy", "", number).name for number in range(3)]
        self._policy_is_refused = REFUSAL in policy
        outcome = answers.outcome("token", self._session.access_key_id, 0)
        if outcome.name == REFUSAL:
            self._token_is_refused = True
        elif outcome.is_good and outcome.delay + disturbance.withheld < CALL_TIMEOUT and not disturbance.stopped:
            self._is_proven = not self._token_is_refused
        if self._signing_role and not self._is_proven:
            names = [answers.outcome("assume", self._session.access_key_id, number).name for number in range(2)]
            if REFUSAL in names:
                self._no_minting_before = time.time() + MINT_REFUSED_PAUSE

    def session(self, answers, window, shortest, disturbance):
        """Whether there is a session that can sign a link of `shortest` seconds."""
        key = self._session.access_key_id
        came_at = self._event_came_at
        token = NOTHING if self._is_proven else expected(answers, "token", key, disturbance)
        left = self._session.end - time.time()
        own = token.is_certain and not self._token_is_refused and (self._is_proven or came_at >= self._no_token_before)
        own_is_enough = self._is_proven and left > window + MARGIN
        own = own and left > shortest + MARGIN
        if not self._signing_role or own_is_enough:
            return Expected(own, token.seconds)
        minting = NOTHING if self._has_minted else expected(answers, "assume", key, disturbance)
        minted = minting.is_certain and (self._has_minted or came_at >= self._no_minting_before)
        # Minting may be tried although the own session is enough.
        return Expected(own or minted, token.seconds + expected(answers, "assume", key, disturbance).seconds)

    def policy(self, answers, disturbance):
        """Whether the bucket's policy can be read."""
        if self._has_policy:
            return NOTHING
        asked = expected(answers, "policy", "", disturbance)
        may_ask = not self._policy_is_refused and self._event_came_at >= self._no_policy_before
        return Expected(may_ask and asked.is_certain, asked.seconds)

    def invoked(self, aws, disturbance, evidence, has_policy=False):
        """Take in what an invocation learned: the kinds of evidence in its response, and whether it had the policy."""
        self._has_policy = self._has_policy or has_policy
        if aws.asked["policy", ""] and not self._has_policy:
            names = {aws.answers.outcome("policy", "", number).name for number in range(aws.asked["policy", ""])}
            self._policy_is_refused = self._policy_is_refused or REFUSAL in names
            if not expected(aws.answers, "policy", "", disturbance).is_certain:
                self._no_policy_before = time.time() + POLICY_PAUSE
        key = self._session.access_key_id
        self._is_proven = self._is_proven or "attested" in evidence
        self._has_minted = self._has_minted or "minted" in evidence
        now = time.time()
        if aws.asked["token", key] and not self._is_proven:
            if REFUSAL in self._names(aws, "token"):
                self._token_is_refused = True
            if not expected(aws.answers, "token", key, disturbance).is_certain:
                self._no_token_before = now + TOKEN_PAUSE
        if aws.asked["assume", key] and not expected(aws.answers, "assume", key, disturbance).is_certain:
            refused = REFUSAL in self._names(aws, "assume")
            self._no_minting_before = now + (MINT_REFUSED_PAUSE if refused else MINT_PAUSE)

    def _names(self, aws, call):
        key = self._session.access_key_id
        return {aws.answers.outcome(call, key, number).name for number in range(aws.asked[call, key])}


def links(invoke, keys, answers, session, disturbance):
    """For each of the links, whether it could have been served."""
    call = {"check": "check", "checks": "check", "many": "check", "version": "head"}.get(invoke.what)
    waits = [expected(answers, call, key, disturbance) if call else NOTHING for key in keys]
    left = invoke.deadline - disturbance.seconds - TIME_TO_ANSWER - SLACK - session.seconds
    if invoke.what == "session":
        # There is an answer even if STS gives none.
        return [session.seconds + 2 * CALL_TIMEOUT <= left + session.seconds]
    ends = end_times([wait.seconds for wait in waits])
    return [session.is_certain and wait.is_certain and end <= left for wait, end in zip(waits, ends, strict=True)]


def end_times(seconds):
    """When each of many waits ends that begin in this order: 64 at a time, and 64 more every half second, up to 256."""
    rooms = [room * 0.5 for room in range(4) for _ in range(64)]
    heapq.heapify(rooms)
    ends = []
    for wait in seconds:
        ends.append(heapq.heappop(rooms) + wait)
        heapq.heappush(rooms, ends[-1])
    return ends


def mails(invoke, objects, answers, session, disturbance):
    """The mails that had to go out, as pairs of key and recipient. `objects` maps keys to recipients."""
    left = invoke.deadline - disturbance.seconds - MIN_TIME_FOR_MAIL - SLACK
    certain = []
    spent = session.seconds
    for key, recipients in objects.items():
        head = expected(answers, "head", key, disturbance)
        checked = 0
        for recipient in recipients:
            mail = f"{key} {recipient}"
            claim, content, send, mark, release = (
                expected(answers, call, mail, disturbance) for call in ("claim", "content", "send", "mark", "release")
            )
            # The link is opened once before it is sent. Each recipient has a link.
            check = expected(answers, "check", key, disturbance, first=checked)
            is_repeated = answers.outcome("check", key, checked).is_silent
            checked += 2 if is_repeated or disturbance.stopped else 1
            before, after = head.then(claim).then(check).then(send), mark.then(release)
            # The mail goes out whatever becomes of the call about its content.
            spent += before.seconds + content.seconds + after.seconds
            if session.is_certain and before.is_certain:
                certain.append((key, recipient))
    # All mails of the invocation, because they go out in rounds.
    return certain if spent <= left else []


def is_marked(mail, answers, disturbance):
    """Whether a mail that SES took was marked for certain: the function was told in time, and could mark it."""
    about = f"{mail.key} {mail.recipient}"
    send = ("send", about, mail.number)
    was_told = mail.outcome.is_good and mail.outcome.delay + disturbance.of(send) < SES_TIMEOUT
    marked = expected(answers, "mark", about)
    marks = [("mark", about, number) for number in range(MOST_MARKS)]
    return was_told and marked.is_certain and marked.seconds + disturbance.of(send, *marks) < MARK_TIMEOUT
