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
- Later invocations need not ask again after a failure that was not excused in this way: for 30 s after a token, for
  2 s after an `AssumeRole` without an answer, for 30 s after a refused one, and never after a refused token. Failures of
  the initialisation start no such pause.
- What a good answer proved in an initialisation that nothing interrupted, and that took less than 2 s, need not be
  asked for again, so a later failure of STS is no excuse.
- The bucket's policy is asked for under the same rules, with a pause of 2 s. A refusal holds for the rest of the life.
- A session whose end is so near that no window fits gives no link.

A mail **had to go out** in its invocation under the same rules. It is begun only if 28 s are left.
"""

import heapq
import time
from dataclasses import dataclass

from .weather import CALL_TIMEOUT, REFUSAL, SES_TIMEOUT

# What the function keeps for its answer, and what this machine may lose, in seconds.
TIME_TO_ANSWER = 1.0
SLACK = 1.0
MIN_TIME_FOR_MAIL = 28.0
# Seconds that a session must have left, beyond the shortest window, so that there is a link for certain.
MARGIN = 10.0
# The function makes no second call of these after a fault.
ONE_FAULT = ("token", "check", "send", "caller")
# The SDK waits up to a second before it makes a call again.
BACKOFF = 1.0
TOKEN_PAUSE = 31.0
MINT_PAUSE = 2.5
POLICY_PAUSE = 2.5
MINT_REFUSED_PAUSE = 31.0


@dataclass(frozen=True)
class Expected:
    """Whether there is an answer for certain, and how many seconds it takes at most."""

    is_certain: bool
    seconds: float

    def then(self, other):
        """This and then the other."""
        return Expected(self.is_certain and other.is_certain, self.seconds + other.seconds)


NOTHING = Expected(True, 0.0)


def expected(weather, call, key, stopped=False):
    """What comes of a call and of its repetition. `stopped`: either of them may be lost."""
    timeout = SES_TIMEOUT if call == "send" else CALL_TIMEOUT
    due = 1 if call == "send" else 2
    spent = 0.0
    if stopped:
        both = [weather.outcome(call, key, number) for number in range(2)]
        is_certain = call != "send" and all(outcome.is_good for outcome in both)
        return Expected(is_certain, timeout + max(timeout, both[1].delay))
    for number in range(due):
        outcome = weather.outcome(call, key, number)
        if outcome.is_good:
            return Expected(True, spent + outcome.delay)
        if outcome.name == REFUSAL:
            return Expected(False, spent + outcome.delay)
        if outcome.is_silent:
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

    def initialised(self, weather, interrupted):
        """Take in what the initialisation learned in this weather."""
        # The SDK may have asked three times.
        policy = [weather.outcome("policy", "", number).name for number in range(3)]
        self._policy_is_refused = REFUSAL in policy
        outcome = weather.outcome("token", self._session.access_key_id, 0)
        if outcome.name == REFUSAL:
            self._token_is_refused = True
        elif outcome.is_good and not interrupted:
            self._is_proven = not self._token_is_refused
        if self._signing_role and not self._is_proven:
            names = [weather.outcome("assume", self._session.access_key_id, number).name for number in range(2)]
            if REFUSAL in names:
                self._no_minting_before = time.time() + MINT_REFUSED_PAUSE

    def session(self, weather, window, shortest, stopped):
        """Whether there is a session that can sign a link of `shortest` seconds."""
        key = self._session.access_key_id
        now = time.time()
        token = NOTHING if self._is_proven else expected(weather, "token", key, stopped)
        left = self._session.end - now
        own = token.is_certain and not self._token_is_refused and (self._is_proven or now >= self._no_token_before)
        own_is_enough = self._is_proven and left > window + MARGIN
        own = own and left > shortest + MARGIN
        if not self._signing_role or own_is_enough:
            return Expected(own, token.seconds)
        minting = NOTHING if self._has_minted else expected(weather, "assume", key, stopped)
        minted = minting.is_certain and (self._has_minted or now >= self._no_minting_before)
        # Minting may be tried although the own session is enough.
        return Expected(own or minted, token.seconds + expected(weather, "assume", key, stopped).seconds)

    def policy(self, weather, stopped):
        """Whether the bucket's policy can be read."""
        if self._has_policy:
            return NOTHING
        asked = expected(weather, "policy", "", stopped)
        may_ask = not self._policy_is_refused and time.time() >= self._no_policy_before
        return Expected(may_ask and asked.is_certain, asked.seconds)

    def invoked(self, aws, stopped, evidence, has_policy=False):
        """Take in what an invocation learned: the kinds of evidence in its response, and whether it had the policy."""
        self._has_policy = self._has_policy or has_policy
        if aws.asked["policy", ""] and not self._has_policy:
            names = {aws.weather.outcome("policy", "", number).name for number in range(aws.asked["policy", ""])}
            self._policy_is_refused = self._policy_is_refused or REFUSAL in names
            if not expected(aws.weather, "policy", "", stopped).is_certain:
                self._no_policy_before = time.time() + POLICY_PAUSE
        key = self._session.access_key_id
        self._is_proven = self._is_proven or "attested" in evidence
        self._has_minted = self._has_minted or "minted" in evidence
        now = time.time()
        if aws.asked["token", key] and not self._is_proven:
            if REFUSAL in self._names(aws, "token"):
                self._token_is_refused = True
            if not expected(aws.weather, "token", key, stopped).is_certain:
                self._no_token_before = now + TOKEN_PAUSE
        if aws.asked["assume", key] and not expected(aws.weather, "assume", key, stopped).is_certain:
            refused = REFUSAL in self._names(aws, "assume")
            self._no_minting_before = now + (MINT_REFUSED_PAUSE if refused else MINT_PAUSE)

    def doubted(self):
        """Take in that this machine was late: any call may have failed, and any pause may have begun."""
        now = time.time()
        self._no_token_before = now + TOKEN_PAUSE
        self._no_minting_before = now + MINT_PAUSE
        self._no_policy_before = now + POLICY_PAUSE

    def _names(self, aws, call):
        key = self._session.access_key_id
        return {aws.weather.outcome(call, key, number).name for number in range(aws.asked[call, key])}


def links(invoke, keys, weather, session, seconds_stopped):
    """For each of the links, whether it could have been served."""
    stopped = seconds_stopped > 0
    call = {"check": "check", "checks": "check", "many": "check", "version": "head"}.get(invoke.what)
    waits = [expected(weather, call, key, stopped) if call else NOTHING for key in keys]
    left = invoke.deadline - seconds_stopped - TIME_TO_ANSWER - SLACK - session.seconds
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


def mails(invoke, objects, weather, session, seconds_stopped):
    """The mails that had to go out, as pairs of key and recipient. `objects` maps keys to recipients."""
    stopped = seconds_stopped > 0
    left = invoke.deadline - seconds_stopped - MIN_TIME_FOR_MAIL - SLACK
    certain = []
    spent = session.seconds
    for key, recipients in objects.items():
        head = expected(weather, "head", key, stopped)
        for recipient in recipients:
            mail = f"{key} {recipient}"
            before = head.then(expected(weather, "claim", mail, stopped)).then(expected(weather, "send", mail, stopped))
            after = expected(weather, "mark", mail, stopped).then(expected(weather, "release", mail, stopped))
            spent += before.seconds + after.seconds
            if session.is_certain and before.is_certain:
                certain.append((key, recipient))
    # All mails of the invocation, because they go out in rounds.
    return certain if spent <= left else []
