"""How a life's AWS answers during one invocation: well, late, wrongly or not at all.

Every answer follows from the seed, the life, the invocation, what is asked for, and how often it was asked for
before. So the campaign knows the answer to a call that the function did not make, too.
"""

import random
from dataclasses import dataclass

# The calls that the function makes, by service.
CALLS = {
    "sts": ("token", "assume", "caller"),
    "s3": ("check", "head", "policy"),
    "ses": ("send",),
    "dynamodb": ("claim", "content", "mark", "release"),
}
SERVICES = {call: service for service, calls in CALLS.items() for call in calls}

# The function waits this long for an answer, in seconds, and this long for SES's. It tries to mark a mail for so long.
CALL_TIMEOUT = 2.0
SES_TIMEOUT = 10.0
MARK_TIMEOUT = 6.0

# The ways to give no answer. In all but the first two the service has done what it was asked to do.
SILENT = ("hang", "reset", "reset-after", "late", "endless")
# The ways to answer that the service can't or won't.
FAULTS = ("throttle", "fault")
REFUSAL = "refuse"
# SES answers through a gateway that gives up. The mail was sent.
GATEWAY = "gateway"


@dataclass(frozen=True)
class Outcome:
    """The answer to one call."""

    # "good", or one of the names above.
    name: str
    # How many seconds it takes.
    delay: float

    @property
    def is_good(self):
        return self.name == "good"

    @property
    def is_silent(self):
        return self.name in SILENT or self.name == GATEWAY

    @property
    def is_done(self):
        """Whether the service does what it was asked to do."""
        return self.name in ("good", "reset-after", "late", "endless", GATEWAY)


# How likely each state of a service is.
STATES = {"healthy": 55, "slow": 10, "stumbling": 18, "failing": 8, "down": 3, "hanging": 1, "refusing": 5}
HEALTHY = {service: "healthy" for service in CALLS}


def draw(source):
    """A state for each service."""
    return {service: source.choices([*STATES], [*STATES.values()])[0] for service in CALLS}


class Answers:
    """The states of all services during one invocation, and the answers that follow from them.

    - healthy: good answers, soon.
    - slow: good answers, nearly as late as the function may wait.
    - stumbling: the first call of each kind often gets no answer, the next one a good answer.
    - failing: any call may get no answer, be throttled or meet a fault.
    - down: no call gets a good answer.
    - hanging: no call gets any answer, and no connection ends.
    - refusing: half of the calls are refused, and the refusal repeats the request, as AWS's do.
    """

    def __init__(self, name, states):
        """`name` belongs to this invocation alone. The answers are drawn from it."""
        self._name = name
        self.states = states

    def outcome(self, call, key, number):
        """The answer to the `number`th call (from 0) of a kind, about the object or the mail `key`."""
        source = random.Random(f"{self._name}/{call}/{key}/{number}")
        state = self.states[SERVICES[call]]
        soon = source.uniform(0.0, 0.08)
        if state == "slow":
            # SES may take longer than the others.
            return Outcome("good", source.uniform(2.5, 6.0) if call == "send" else source.uniform(0.5, 1.3))
        if state == "stumbling" and number == 0 and source.random() < 0.6:
            return self._bad(source, call, silent=True)
        if state == "failing" and source.random() < 0.6:
            return self._bad(source, call, silent=source.random() < 0.6)
        if state == "down":
            # One kind of failure for all calls.
            whole = random.Random(f"{self._name}/{call}")
            return self._bad(whole, call, silent=whole.random() < 0.6)
        if state == "hanging":
            return Outcome("hang", soon)
        if state == "refusing" and source.random() < 0.5:
            return Outcome(REFUSAL, soon)
        return Outcome("good", soon)

    @staticmethod
    def _bad(source, call, silent):
        if not silent:
            names = (*FAULTS, GATEWAY) if call == "send" else FAULTS
            return Outcome(source.choice(names), source.uniform(0.0, 0.08))
        # The body of an answer to these calls is not read.
        bodiless = call in ("check", "head", "send")
        # A service that hangs takes seconds of each life, so it is rarer.
        names = [name for name in (*SILENT, "reset", "reset-after") if not (bodiless and name == "endless")]
        name = source.choice(names)
        return Outcome(name, late(source, call) if name == "late" else source.uniform(0.0, 0.08))


def late(source, call):
    """How late an answer is that comes after the function has given up."""
    return source.uniform(11.5, 13.0) if call == "send" else source.uniform(2.8, 4.5)
