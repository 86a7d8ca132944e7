"""Five thousand tokens that are no share's, sent as gateways encode them to the built function through Lambda's Runtime API.

Most are a real share's token with one mistake in it, and the others are random. None opens anything. A token that has
not the form of one is answered without any call, and nothing of any is in the log. The tokens are the same in every run
but for the real one. `tests/function/shares/tokens.rs` has a hundred thousand, without a gateway.
"""

import base64
import json
import random
import re
import string
import tempfile

import pytest
from bare_lambda import shares
from bare_lambda.process import Process
from bare_lambda.requests import BUCKET
from fake_aws import FakeAws
from local_aws import paths
from local_lambda import requests, secrecy

TOKENS = 5_000
SEED = 20261125

# 27 characters for 20 bytes. Two bits of the last one stand for nothing and must be 0.
# What is behind them is left out, unless more of their characters follow.
WELL_FORMED = re.compile(r"([A-Za-z0-9_-]{26}[AEIMQUYcgkosw048])([^A-Za-z0-9_-].*)?", re.DOTALL)
LETTERS = string.ascii_letters + string.digits + "-_"
STRANGE = ["+", "=", ".", "~", "%", "%41", "%2F", "/", "\\", " ", "\t", "\n", "\0", '"', "'", "<", "&", "?", "#", ";", "é", "Ａ", "🦀", "\u200b"]

# How a gateway hands over the requests, and how many of a hundred are such. A page takes longer than JSON.
KINDS = {
    "http-api/get-share-page-json": 55,
    "http-api/press-share-json": 20,
    "http-api/get-share-page": 5,
    "http-api/head-share-page": 5,
    "http-api/press-share": 5,
    "rest-api/press-share": 5,
    "function-url/press-share": 5,
}


class Generator:
    """Makes texts that resemble a token."""

    def __init__(self, token, share_id):
        self.random = random.Random(SEED)
        self.token = token
        self.share_id = share_id

    def random_token(self, length=27):
        return "".join(self.random.choices(LETTERS, k=length - 1)) + self.random.choice("AEIMQUYcgkosw048")

    def text(self):
        """Any text but one that opens the share. One in twenty has the form of a token, for which the table is asked: that takes longer."""
        wants_well_formed = self.random.random() < 0.05
        while True:
            text = self.mutated() if self.random.random() < 0.85 else self.made()
            opens = text.startswith(self.token) and WELL_FORMED.fullmatch(text)
            if not opens and bool(WELL_FORMED.fullmatch(text)) == wants_well_formed:
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
def aws(built):
    """A DynamoDB that keeps what is put into it, and an S3 that has every file. STS refuses."""
    with FakeAws() as aws:
        aws.put_all_objects(BUCKET, size=10)
        yield aws


def environment(aws):
    return shares.environment(declared=False, ASSUMED_SESSION_SECONDS="43200", AWS_ENDPOINT_URL=aws.url)


def asked(aws):
    """The ids of the shares that DynamoDB was asked about since this was asked last."""
    calls = [call.json for call in aws.take_calls() if call.header("x-amz-target")]
    return [body["Key"]["id"]["S"] for body in calls if "Key" in body]


def template(name):
    """A fixture as bytes before and after each place of the token."""
    return json.dumps(requests.fixture(name)).encode().split(requests.SHARE_TOKEN.encode())


def test_tokens_that_are_no_share_s_open_nothing(aws):
    with tempfile.TemporaryFile() as log, Process([paths.BOOTSTRAP], environment(aws), log.fileno()) as process:

        def answer(event):
            return json.loads(process.invoke(event)[0])

        made = json.loads(answer(json.dumps(requests.fixture("http-api/post-shares-jwt")).encode())["body"])
        token, share_id = made["url"].rpartition("/")[2], made["share_id"]
        templates = {name: template(name) for name in KINDS}

        def ask(name, text):
            return answer(json.dumps(text)[1:-1].encode().join(templates[name]))

        assert ask("http-api/get-share-page", token)["statusCode"] == 200
        assert asked(aws) == [share_id]

        generator = Generator(token, share_id)
        names = generator.random.choices(list(KINDS), KINDS.values(), k=TOKENS)
        expected, sent = [], set()
        for name in names:
            text = generator.text()
            response = ask(name, text)
            assert response["statusCode"] == 404 and "location" not in response["headers"], text
            if text != share_id:
                sent.add(text)
            if well_formed := WELL_FORMED.fullmatch(text):
                expected.append(shares.share_id(well_formed[1]))
        # The form decides whether the table is asked, and it is asked once.
        assert asked(aws) == expected
        assert share_id not in expected and len(expected) > TOKENS / 25

        # The real one opens as before.
        assert ask("http-api/get-share-page", token)["statusCode"] == 200
        assert asked(aws) == [share_id]

        log.seek(0)
        logged = log.read().decode()
        assert logged.count('"share not opened"') + logged.count('"share refused"') == len(expected)
        assert not sent & set(re.findall(r"[\w-]{20,}", logged))
        assert not secrecy.leaks(logged, [token])
