"""What happens in a life. All of it is drawn from the seed and the life's number before the life begins."""

import random
from dataclasses import dataclass, field

from . import answers

# How many seconds before the deadline a stopped invocation goes on at the latest.
REST_AFTER_STOP = 3.0
# Invocations of the mailer begin no mail in their last 28 s.
MAIL_DEADLINE = 46.0
HOURS = 3600
MOST_STEPS = 8


@dataclass(frozen=True)
class Stop:
    """The process is stopped (SIGSTOP) some seconds after something, and goes on later (SIGCONT)."""

    after: float
    seconds: float


@dataclass(frozen=True)
class Start:
    """A new environment, with credentials of its own or with those of the one before."""

    new_credentials: bool
    # How long the session lasts from now, in seconds, if the credentials are new.
    session_seconds: float
    # What STS says of the session: "this function", "another function" (the token's end is then not the session's), or
    # "refused".
    attests: str
    states: dict
    # During the initialisation, counted from exec.
    stop: Stop = None
    # The process is killed so many seconds after exec, and another one is started.
    killed_after: float = None


@dataclass(frozen=True)
class Freeze:
    """The environment is frozen while no event is there. The next event thaws it."""

    seconds: float


@dataclass(frozen=True)
class Invoke:
    """One event."""

    # For the signer: "link", "check", "version", "download", "session", "batch", "checks" or "many". For the mailer:
    # "new" (new messages and those that came back), "again" (a message that was handled is delivered once more), or
    # "twice" (as "new", and another environment gets the same batch at the same time).
    what: str
    # How many links or messages.
    count: int
    # How many seconds the invocation may last.
    deadline: float
    states: dict
    # Counted from the event.
    stop: Stop = None
    killed_after: float = None


@dataclass(frozen=True)
class Life:
    """A life. The first step is a start."""

    seed: int
    number: int
    # "signer" or "mailer".
    function: str
    signing_role: bool
    # BUCKET_POLICY: "heed", or "require".
    bucket_policy: str = "heed"
    # After how many seconds the bucket's policy denies what a signature asks for. None: there is no policy.
    policy_seconds: int = None
    steps: list = field(default_factory=list)

    @property
    def name(self):
        return f"{self.seed}/{self.number}"


def life(seed, number, most_steps=MOST_STEPS):
    """The life with this number. It has up to so many invocations."""
    source = random.Random(f"{seed}/{number}")
    function = source.choices(["signer", "mailer"], [3, 2])[0]
    signing_role = source.random() < 0.4
    bucket_policy = source.choices(["heed", "require"], [2, 1])[0]
    policy_seconds = source.choice([None, None, 300, 7200])
    if function == "mailer" and policy_seconds == 300:
        # No link of so short a window is mailed.
        policy_seconds = 1200
    steps = [start(source, function, signing_role, first=True)]
    for _ in range(source.randint(most_steps // 2, most_steps)):
        if source.random() < 0.12:
            steps.append(start(source, function, signing_role, first=False))
        if source.random() < 0.4:
            steps.append(Freeze(source.uniform(0.05, 2.0)))
        steps.append(invocation(source, function))
    return Life(seed, number, function, signing_role, bucket_policy, policy_seconds, steps)


def start(source, function, signing_role, first):
    """A start, with services in any state."""
    attests = "this function"
    if source.random() < (0.4 if signing_role else 0.05):
        attests = source.choice(["another function", "refused"])
    # Some sessions end soon, so that a promise that is too long is seen. The mailer gives no link for so short a time.
    lengths = [source.uniform(40, 120), source.uniform(600, 3 * HOURS), source.uniform(3 * HOURS, 12 * HOURS)]
    stop = killed = None
    if source.random() < 0.3:
        stop = Stop(source.uniform(0.0, 0.25), source.uniform(0.05, 2.5))
    elif source.random() < 0.1:
        killed = source.uniform(0.0, 0.2)
    return Start(
        new_credentials=first or source.random() < 0.7,
        session_seconds=source.choices(lengths, [2, 3, 5] if function == "signer" else [1, 4, 6])[0],
        attests=attests,
        states=answers.draw(source),
        stop=stop,
        killed_after=killed,
    )


def invocation(source, function):
    """An invocation, with services in any state."""
    if function == "mailer":
        what = source.choices(["new", "again", "twice"], [7, 1, 1])[0]
        count = source.randint(1, 2)
        deadline = MAIL_DEADLINE
    else:
        what = source.choices(
            ["link", "check", "version", "download", "session", "batch", "checks", "many"], [4, 4, 2, 1, 1, 2, 4, 0.5]
        )[0]
        sizes = {"batch": source.randint(2, 60), "checks": source.randint(2, 50), "many": source.randint(150, 300)}
        count = sizes.get(what, 1)
        deadline = source.uniform(6.0, 8.0) if what == "many" else source.uniform(3.0, 15.0)
    states = answers.draw(source)
    if what == "many":
        # Many links with a check, and an S3 that takes its time or does not answer at all.
        states["s3"] = source.choice(["slow", "slow", "hanging"])
    stop = killed = None
    if source.random() < 0.12:
        after = source.choice([source.uniform(0.0, 0.1), source.uniform(0.0, 1.5)])
        longest = min(5.0, deadline - after - REST_AFTER_STOP)
        if longest > 0.1:
            stop = Stop(after, source.uniform(0.05, longest))
    elif source.random() < 0.08:
        killed = source.choice([source.uniform(0.0, 0.1), source.uniform(0.0, 1.5)])
    return Invoke(what, count, deadline, states, stop, killed)
