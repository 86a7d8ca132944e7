"""A hundred thousand tokens that are no share's, sent to the built function through Lambda's Runtime API.

Most are a real share's token with one mistake in it, and the others are random. None opens anything. A token that has
not the form of one is answered without any call, and nothing of any is in the log. The tokens are the same in every run
but for the real one.
"""

import base64
import hashlib
import json
import random
import re
import string
import tempfile
import time

import pytest
from bare_lambda import requests as bare_requests
from bare_lambda.process import Process
from local_aws import paths
from local_lambda import offline, requests, secrecy
from local_lambda.http_server import HttpServer

TOKENS = 100_000
SEED = 20261125
SECONDS = 120

# 27 characters for 20 bytes. Two bits of the last one stand for nothing and must be 0.
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{26}[AEIMQUYcgkosw048]")
LETTERS = string.ascii_letters + string.digits + "-_"
STRANGE = ["+", "=", ".", "~", "%", "%41", "%2F", "/", "\\", " ", "\t", "\n", "\0", '"', "'", "<", "&", "?", "#", ";", "é", "Ａ", "🦀", "\u200b"]

# How a gateway hands over the requests, and how many of a hundred are such.
KINDS = {
    "http-api/get-share-page": 30,
    "http-api/get-share-page-json": 10,
    "http-api/head-share-page": 10,
    "http-api/press-share": 20,
    "rest-api/get-share-page": 5,
    "rest-api/press-share": 10,
    "function-url/get-share-page": 5,
    "function-url/press-share": 10,
}


class OneShare(HttpServer):
    """A DynamoDB that keeps what is put into it, and an S3 that has every file. STS refuses."""

    def __init__(self):
        super().__init__()
        self.items = {}
        # The ids in the calls to DynamoDB so far.
        self.asked = []

    def answer(self, method, target, headers, body):
        if "x-link-id=" in target:
            return 206, {"Content-Range": "bytes 0-0/10"}, b"x"
        if "X-Amz-Target" not in headers:
            return 403, {}, b""
        call, body = headers["X-Amz-Target"].split(".")[1], json.loads(body)
        if call == "PutItem":
            self.items[body["Item"]["id"]["S"]] = body["Item"]
            return self.json(200, {})
        share_id = body["Key"]["id"]["S"]
        self.asked.append(share_id)
        item = self.items.get(share_id)
        if call == "GetItem":
            return self.json(200, {"Item": item} if item else {})
        if item:
            return self.json(200, {"Attributes": item})
        return self.json(400, {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"})

    @staticmethod
    def json(status, body):
        return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(body).encode()


class Generator:
    """Makes texts that resemble a token."""

    def __init__(self, token, share_id):
        self.random = random.Random(SEED)
        self.token = token
        self.share_id = share_id

    def random_token(self, length=27):
        return "".join(self.random.choices(LETTERS, k=length - 1)) + self.random.choice("AEIMQUYcgkosw048")

    def text(self):
        """Any text but the token."""
        while True:
            text = self.mutated() if self.random.random() < 0.85 else self.made()
            if text != self.token:
                return text

    def mutated(self):
        """The token with one mistake."""
        token, at = self.token, self.random.randrange(27)
        before, character, after = token[:at], token[at], token[at + 1 :]
        return self.random.choice(
            [
                lambda: before + self.random.choice(LETTERS) + after,
                lambda: before + character.swapcase() + after,
                lambda: before + after,
                lambda: before + self.random.choice(LETTERS) + character + after,
                lambda: before + self.random.choice(STRANGE) + after,
                lambda: before + self.random.choice(STRANGE) + character + after,
                lambda: before + f"%{ord(character):02X}" + after,
                lambda: token + self.random.choice([*STRANGE, *LETTERS, token]),
                lambda: self.random.choice(STRANGE) + token,
                lambda: token[:-1] + self.random.choice(LETTERS),
                lambda: after + before + character,
                lambda: token[: self.random.randrange(27)],
            ]
        )()

    def made(self):
        """A random text, or what somebody who sees the table would try."""
        return self.random.choice(
            [
                self.random_token,
                lambda: self.random_token(self.random.randrange(1, 60)),
                lambda: "".join(self.random.choices([*STRANGE, *LETTERS], k=27)),
                lambda: self.share_id,
                lambda: self.share_id[:26] + "A",
                lambda: base64.b64encode(self.token.encode()).decode(),
                lambda: self.token.lower(),
                lambda: "../s/" + self.token,
            ]
        )()


@pytest.fixture(scope="module")
def one_share():
    with OneShare() as aws:
        yield aws


def environment(aws):
    grants = [{**offline.GRANTS[0], "actions": ["get", "share"]}]
    return bare_requests.environment(
        declared=False,
        GRANTS=json.dumps(grants),
        ASSUMED_SESSION_SECONDS="43200",
        AWS_ENDPOINT_URL=aws.url,
        SHARES_TABLE="shares",
    )


def template(name):
    """A fixture as bytes before and after each place of the token."""
    return json.dumps(requests.fixture(name)).encode().split(requests.SHARE_TOKEN.encode())


def test_a_hundred_thousand_tokens_open_nothing(one_share, built):
    with tempfile.TemporaryFile() as log, Process([paths.BOOTSTRAP], environment(one_share), log.fileno()) as process:

        def answer(event):
            return json.loads(process.invoke(event)[0])

        made = json.loads(answer(json.dumps(requests.fixture("http-api/post-shares-jwt")).encode())["body"])
        token, share_id = made["url"].rpartition("/")[2], made["share_id"]
        templates = {name: template(name) for name in KINDS}

        def ask(name, text):
            return answer(json.dumps(text)[1:-1].encode().join(templates[name]))

        assert ask("http-api/get-share-page", token)["statusCode"] == 200
        assert one_share.asked == [share_id]
        one_share.asked.clear()

        generator = Generator(token, share_id)
        names = generator.random.choices(list(KINDS), KINDS.values(), k=TOKENS)
        expected, sent = [], set()
        started = time.monotonic()
        for name in names:
            text = generator.text()
            response = ask(name, text)
            assert response["statusCode"] == 404 and "location" not in response["headers"], text
            sent.add(text)
            if WELL_FORMED.fullmatch(text):
                digest = hashlib.sha256(text.encode()).digest()
                expected.append(base64.urlsafe_b64encode(digest).decode().rstrip("="))
        assert time.monotonic() - started < SECONDS
        # The form decides whether the table is asked, and it is asked once.
        assert one_share.asked == expected
        assert share_id not in expected and TOKENS / 10 < len(expected) < TOKENS / 2

        # The real one opens as before.
        assert ask("http-api/get-share-page", token)["statusCode"] == 200
        assert one_share.asked.count(share_id) == 1

        log.seek(0)
        logged = log.read().decode()
        assert logged.count('"share not opened"') + logged.count('"share refused"') == len(expected)
        assert not sent & set(re.findall(r"[\w-]{20,}", logged))
        assert not secrecy.leaks(logged, [token])
