"""Thousands of random events, sent to one process of the built function.

The random generator has a fixed seed, so a failure can be repeated. The Rust tests in tests/function/links/ send two
hundred thousand more to the handler alone. The events here also pass through Lambda's runtime client.
"""

import collections
import json
import random

from local_lambda import requests, responses

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
    """Generates events: some valid, some with one mistake, and some without any structure."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        others = requests.NON_HTTP_EVENTS + requests.OBJECT_EVENTS + requests.DOCTOR_EVENTS
        self.fixtures = [requests.fixture(name) for name in requests.fixtures() if not name.startswith(others)]

    def value(self, depth=3):
        """Any JSON value."""
        kind = self.random.randrange(9 if depth else 7)
        if kind == 7:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        if kind == 8:
            return {self.string(): self.value(depth - 1) for _ in range(self.random.randrange(4))}
        numbers = [0, 1, -1, 59, 3600, 604800, 604801, 2**31, 2**63, 2**64, 10**400, 1.5, -0.0, 1e308]
        return [
            None,
            True,
            False,
            self.random.choice(numbers),
            self.string(),
            self.string(),
            self.random.choice(GOOD_KEYS),
        ][kind]

    def string(self):
        return "".join(self.random.choice(STRINGS) for _ in range(self.random.choice([0, 1, 1, 1, 2, 3])))

    def link_request(self):
        """A request for a link that is valid in most of its fields."""
        request = {"key": self.random.choice(GOOD_KEYS)}
        if self.random.random() < 0.1:
            request["check"] = True
        for _ in range(self.random.randrange(3)):
            request[self.random.choice(FIELDS)] = self.value(1)
        return request

    def damage(self, node):
        """A copy of a JSON value in which one part is replaced, removed or added."""
        if not isinstance(node, (dict, list)) or not node or self.random.random() < 0.1:
            return self.value()
        copied = dict(node) if isinstance(node, dict) else list(node)
        position = self.random.choice(list(copied)) if isinstance(copied, dict) else self.random.randrange(len(copied))
        choice = self.random.random()
        if choice < 0.15:
            del copied[position]
        elif choice < 0.25 and isinstance(copied, dict):
            copied[self.string()] = self.value()
        else:
            copied[position] = self.damage(copied[position])
        return copied

    def scramble(self, text):
        """The text as bytes, with up to three of them changed."""
        scrambled = bytearray(text.encode())
        for _ in range(self.random.randrange(1, 4)):
            scrambled[self.random.randrange(len(scrambled))] = self.random.randrange(256)
        return bytes(scrambled)

    def event(self):
        event = self.random.choice(self.fixtures)
        kind = self.random.randrange(5)
        if kind == 0:
            return self.damage(event)
        if kind == 1:
            return self.scramble(json.dumps(event))
        if kind == 2:
            return requests.post("/links", self.random.choice([self.link_request(), self.value()]))
        if kind == 3:
            return requests.post("/links/batch", {"links": [self.link_request() for _ in range(self.random.randrange(8))]})
        pairs = [(name, str(value)) for name, value in self.link_request().items()]
        return requests.get(
            "/download", [*pairs, *([(self.string(), self.string())] if self.random.random() < 0.2 else [])]
        )


def test_one_process_responds_to_every_event_and_never_with_a_server_error(isolated_function):
    generator = Generator(SEED)
    isolated_function.link(key="private-files/a")
    before = isolated_function.process_id()
    outcomes = collections.Counter()
    for number in range(EVENTS):
        event = generator.event()
        invoked = isolated_function.invoke(event)
        assert invoked is not None, f"event {number} ended the process: {event!r}"
        if "errorType" in invoked:
            # The event is no HTTP request or no JSON any more. Lambda reports this error to the sender.
            assert invoked["errorType"].split("::")[-1] in ("UnknownEvent", "DeserializeError"), (
                number,
                event,
                invoked,
            )
            outcomes["not HTTP"] += 1
            continue
        response = responses.parse(invoked)
        assert response.status < 500, (number, event, response)
        outcomes[responses.problem_code(response) or response.status] += 1
    assert isolated_function.process_id() == before is not None
    # A generator that does not reach every kind of response would test too little.
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
    assert outcomes["not HTTP"] >= 5, outcomes
