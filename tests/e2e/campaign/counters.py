"""Counts what happened in all lives, and prints it."""

from collections import Counter

# What must be zero.
FAULTS = [
    "requests refused that could have been served",
    "promises broken",
    "mails lost",
    "mails doubled",
    "mails late",
    "answers after the deadline",
    "panics, and processes that ended by themselves",
    "secrets in output",
    "first requests refused by environments made ahead of need",
]
REFUSED, BROKEN, LOST, DOUBLED, LATE, TOO_LATE, PANICS, SECRETS, FIRST_REFUSED = FAULTS

# What shows that the lives were hard enough.
SIZES = [
    "lives",
    "environments",
    "freezes between invocations",
    "stops within initialisation or invocation",
    "processes killed",
    "requests",
    "links given",
    "requests refused or links missing, as they had to be",
    "mails asked for",
    "mails sent",
    "mails that had to wait",
    "admitted doubles",
    "invocations that were not judged, because this machine was late",
    "environments made ahead of need",
]
(
    LIVES, ENVIRONMENTS, FREEZES, STOPS, KILLED, REQUESTS, LINKS, EXCUSED, MAILS_WANTED, MAILS_SENT, MAILS_WAITED,
    ADMITTED, UNJUDGED, THAWED,
) = SIZES


class Counters:
    """Counts, and what is known of each fault."""

    def __init__(self):
        self._counts = Counter()
        # (fault, life, what happened)
        self.faults = []

    def add(self, name, count=1):
        self._counts[name] += count

    def fault(self, name, life, what):
        """Count a fault. `what` must hold no secret."""
        self.add(name)
        self.faults.append((name, life, what))

    def take(self, other):
        """Add what another one counted."""
        self._counts += other._counts
        self.faults += other.faults

    def __getitem__(self, name):
        return self._counts[name]

    def table(self):
        """All counters as a table of Markdown."""
        rows = [f"| {name} | {self._counts[name]:,} |" for name in SIZES]
        rows += [f"| **{name}** | **{self._counts[name]:,}** |" for name in FAULTS]
        return "\n".join(["| | |", "|---|---:|", *rows])
