"""A life of the signer: requests for links, and whether each link could have been served."""

import contextlib
import json
import random
import time

from . import counters as count
from . import events, expectations, judge
from .life import LivingLife


class SignerLife(LivingLife):
    """One life of the signer while it is lived."""

    async def _deliver(self, number, invoke):
        keys = [f"{number}/{index}.pdf" for index in range(invoke.count)]
        event = events.signer_event(invoke, keys, random.Random(f"{self._plan.name}/{number}/window"))
        began_at = time.time()
        age = f"{began_at - self._initialised_at:.1f} s after the initialisation"
        response, stopped = await self._hand_out(number, invoke, event)
        if response is None:
            return
        answer = judge.answer(invoke, response)
        self._words += answer.words
        self._secrets |= judge.signatures(answer.links)
        for broken in judge.broken_promises(answer, self._aws.sessions, self._plan.policy_seconds):
            self._fault(count.BROKEN, f"step {number}: {broken}")
        window = 604_800 if invoke.what == "session" else max(events.WINDOWS)
        session = self._knowledge.session(self._aws.weather, window, 1, stopped > 0)
        policy = self._knowledge.policy(self._aws.weather, stopped > 0)
        unread = [link for link in answer.links if link and link.get("bucket_policy") == "unreadable"]
        if policy.is_certain and self._is_judged(began_at, unread):
            asked = self._aws.asked["policy", ""]
            self._fault(count.BROKEN, f"step {number}: {invoke.what} passed over a policy that S3 shows (asked {asked} times, {age})")
        if self._plan.bucket_policy == "require":
            session = session.then(policy)
        else:
            session = expectations.Expected(session.is_certain, session.seconds + policy.seconds)
        could = expectations.links(invoke, keys, self._aws.weather, session, stopped)
        missing = [index for index, link in enumerate(answer.links) if link is None]
        wrongly = [index for index in missing if could[index]]
        self._counters.add(count.LINKS, len(keys) - len(missing))
        if self._is_judged(began_at, wrongly):
            asked = sorted((call, asked) for (call, key), asked in self._aws.asked.items())
            self._fault(
                count.REFUSED,
                f"step {number}: {invoke.what} was answered {answer.status}, {len(wrongly)} of {len(keys)} links missing "
                f"(problem {problem_codes(answer.words)}; calls {asked[:6]}; {age}; weather {self._aws.weather.moods})",
            )
        elif missing:
            self._counters.add(count.EXCUSED)
        self._knowledge.invoked(self._aws, stopped > 0, answer.evidence, answer.has_policy)


def problem_codes(words):
    """The codes of the problems in these words, for a person who looks for the cause."""
    codes = set()
    for word in words:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            problem = json.loads(word)
            codes.add((json.loads(problem["body"]) if "body" in problem else problem)["code"])
    return sorted(codes)
