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

    KEPT_FOR_ANSWER = expectations.TIME_TO_ANSWER

    async def _deliver(self, number, invoke):
        keys = [f"{number}/{index}.pdf" for index in range(invoke.count)]
        event = events.signer_event(invoke, keys, random.Random(f"{self._plan.name}/{number}/window"))
        age = f"{time.time() - self._initialised_at:.1f} s after the initialisation"
        handled = await self._hand_out(number, invoke, event)
        if handled.response is None:
            return
        disturbance = handled.disturbance
        answer = judge.answer(invoke, handled.response)
        self._words += answer.words
        self._secrets |= judge.signatures(answer.links)
        for broken in judge.broken_promises(answer, self._aws.sessions, self._plan.policy_seconds):
            self._fault(count.BROKEN, f"step {number}: {broken}")
        withheld = f"{disturbance.withheld:.2f} s withheld"
        if self._judged(disturbance, lambda lost: self._passed_over(answer, lost)):
            asked = self._aws.asked["policy", ""]
            what = f"{invoke.what} passed over a policy that S3 shows (asked {asked} times, {age}, {withheld})"
            self._fault(count.BROKEN, f"step {number}: {what}")
        missing = [index for index, link in enumerate(answer.links) if link is None]
        wrongly = self._judged(disturbance, lambda lost: self._wrongly_missing(invoke, keys, missing, lost))
        self._counters.add(count.LINKS, len(keys) - len(missing))
        if wrongly:
            asked = sorted((call, asked) for (call, key), asked in self._aws.asked.items())
            self._fault(
                count.REFUSED,
                f"step {number}: {invoke.what} was answered {answer.status}, {len(wrongly)} of {len(keys)} links missing "
                f"(problem {problem_codes(answer.words)}; calls {asked[:6]}; {age}; {withheld}; answers {self._aws.answers.states})",
            )
        elif missing:
            self._counters.add(count.EXCUSED)
        self._knowledge.invoked(self._aws, disturbance, answer.evidence, answer.has_policy)

    def _passed_over(self, answer, disturbance):
        """The links that were given although the policy could have been read, and was not."""
        if not self._knowledge.policy(self._aws.answers, disturbance).is_certain:
            return []
        return [link for link in answer.links if link and link.get("bucket_policy") == "unreadable"]

    def _wrongly_missing(self, invoke, keys, missing, disturbance):
        """Those of the missing links that could have been served."""
        window = 604_800 if invoke.what == "session" else max(events.WINDOWS)
        session = self._knowledge.session(self._aws.answers, window, 1, disturbance)
        policy = self._knowledge.policy(self._aws.answers, disturbance)
        if self._plan.bucket_policy == "require":
            session = session.then(policy)
        else:
            session = expectations.Expected(session.is_certain, session.seconds + policy.seconds)
        could = expectations.links(invoke, keys, self._aws.answers, session, disturbance)
        return [index for index in missing if could[index]]


def problem_codes(words):
    """The codes of the problems in these words, for a person who looks for the cause."""
    codes = set()
    for word in words:
        with contextlib.suppress(ValueError, TypeError, KeyError):
            problem = json.loads(word)
            codes.add((json.loads(problem["body"]) if "body" in problem else problem)["code"])
    return sorted(codes)
