"""Thousands of events that a generator makes up, given to one process of the built function.

The generator is seeded, so a failure comes back. Two hundred thousand more are given to the handler in
Rust, in tests/function/doors.rs; these here also pass Lambda's runtime and its client.
"""

import collections
import json
import random

from local_lambda import responses, requests

EVENTS = 4000
SEED = 20261123

GOOD_KEYS = ["private-files/a", "private-files/Résumé 2026.pdf", "private-files/a b+c%20d?e#f&g=h", "private-files//x/"]
STRINGS = [
    "", "a", "private-files/", "..", "/", "\0", "\r\n", "é", "e\u0301", "🦀", "\u202e", '"', "\\", "%2F", "%", "+",
    "{principal}", "*", "anonymous", "text/html", "inline", "attachment", "application/pdf", "9" * 40, "a" * 2000,
    "arn:aws:s3:::b", "POST /links", "$default", "2.0", "true",
]  # fmt: skip
FIELDS = [
    "bucket", "key", "version_id", "expires_in", "min_expires_in", "filename", "content_type", "disposition", "check",
    "links", "kye", "",
]  # fmt: skip


class Generator:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        others = requests.NON_HTTP_EVENTS + requests.OBJECT_EVENTS
        self.fixtures = [requests.fixture(name) for name in requests.fixtures() if not name.startswith(others)]

    def value(self, depth=3):
        """Any JSON at all."""
        kind = self.dice.randrange(9 if depth else 7)
        if kind == 7:
            return [self.value(depth - 1) for _ in range(self.dice.randrange(4))]
        if kind == 8:
            return {self.string(): self.value(depth - 1) for _ in range(self.dice.randrange(4))}
        numbers = [0, 1, -1, 59, 3600, 604800, 604801, 2**31, 2**63, 2**64, 10**400, 1.5, -0.0, 1e308]
        return [
            None,
            True,
            False,
            self.dice.choice(numbers),
            self.string(),
            self.string(),
            self.dice.choice(GOOD_KEYS),
        ][kind]

    def string(self):
        return "".join(self.dice.choice(STRINGS) for _ in range(self.dice.choice([0, 1, 1, 1, 2, 3])))

    def link_request(self):
        """A request for a link that is mostly right."""
        request = {"key": self.dice.choice(GOOD_KEYS)}
        for _ in range(self.dice.randrange(3)):
            request[self.dice.choice(FIELDS)] = self.value(1)
        return request

    def damage(self, node):
        """Replace, take away or add something, somewhere in a copy of a JSON value."""
        if not isinstance(node, (dict, list)) or not node or self.dice.random() < 0.1:
            return self.value()
        copied = dict(node) if isinstance(node, dict) else list(node)
        place = self.dice.choice(list(copied)) if isinstance(copied, dict) else self.dice.randrange(len(copied))
        choice = self.dice.random()
        if choice < 0.15:
            del copied[place]
        elif choice < 0.25 and isinstance(copied, dict):
            copied[self.string()] = self.value()
        else:
            copied[place] = self.damage(copied[place])
        return copied

    def scramble(self, text):
        """Change a few bytes."""
        scrambled = bytearray(text.encode())
        for _ in range(self.dice.randrange(1, 4)):
            scrambled[self.dice.randrange(len(scrambled))] = self.dice.randrange(256)
        return bytes(scrambled)

    def event(self):
        event = self.dice.choice(self.fixtures)
        kind = self.dice.randrange(5)
        if kind == 0:
            return self.damage(event)
        if kind == 1:
            return self.scramble(json.dumps(event))
        if kind == 2:
            return requests.post("/links", self.dice.choice([self.link_request(), self.value()]))
        if kind == 3:
            return requests.post("/links/batch", {"links": [self.link_request() for _ in range(self.dice.randrange(8))]})
        pairs = [(name, str(value)) for name, value in self.link_request().items()]
        return requests.get(
            "/download", [*pairs, *([(self.string(), self.string())] if self.dice.random() < 0.2 else [])]
        )


def test_whatever_comes_is_answered_by_the_same_process_and_never_with_a_server_s_error(hardened):
    generator = Generator(SEED)
    hardened.link(key="private-files/a")
    before = hardened.process_id()
    outcomes = collections.Counter()
    for number in range(EVENTS):
        event = generator.event()
        invoked = hardened.invoke(event)
        assert invoked is not None, f"event {number} ended the process: {event!r}"
        if "errorType" in invoked:
            # Nobody's HTTP request any more, or no JSON: an error that Lambda reports to the sender.
            assert invoked["errorType"].split("::")[-1] in ("UnknownEvent", "DeserializeError"), (
                number,
                event,
                invoked,
            )
            outcomes["no HTTP event"] += 1
            continue
        response = responses.parse(invoked)
        assert response.status < 500, (number, event, response)
        outcomes[responses.problem_code(response) or response.status] += 1
    assert hardened.process_id() == before is not None
    # The generator is good for something only if it comes to the end of every road.
    for outcome in (
        200,
        303,
        "invalid-request",
        "unauthenticated",
        "not-granted",
        "no-such-route",
        "method-not-allowed",
        "object-unavailable",
    ):
        assert outcomes[outcome] >= 5, outcomes
    assert outcomes["no HTTP event"] >= 5, outcomes
