"""The AWS of one life: a fake AWS, whose answers to each call are decided here.

They are as `answers` says. Errors repeat what was sent, as AWS's do when they can't verify a signature, so that a
function that passes an upstream's words on shows its secrets.
"""

import asyncio
import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bare_lambda import processor
from bare_lambda.runtime_api import FUNCTION_ARN
from fake_aws import FakeAws, ledger, mails
from fake_aws.deciding import Deciding
from fake_aws.orders import FATES, NO_FAULT

from . import sessions
from .answers import GATEWAY, REFUSAL, SERVICES, Answers, Outcome

BUCKET = "files"
VERSION = "UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa"
HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
ENVIRONMENT_VARIABLES = ("STS", "S3", "SESV2", "DYNAMODB")
OBJECT = {"size": 1024, "version_id": VERSION, "etag": "d41d8cd98f00b204e9800998ecf8427e"}
# What becomes of the answers that do not arrive whole.
DELIVERIES = {"hang": "never", "endless": "endless", "reset": "reset", "reset-after": "reset"}
# The kinds of calls of STS and S3, by AWS's names. Those of DynamoDB are told by what they say.
KINDS = {
    "GetWebIdentityToken": "token",
    "AssumeRole": "assume",
    "GetCallerIdentity": "caller",
    "GetObject": "check",
    "HeadObject": "head",
    "GetBucketPolicy": "policy",
}
# Questions to S3 that no link depends on. They are answered well, and no plan knows them.
UNPLANNED = ("GetBucketLifecycleConfiguration", "GetObjectTagging")


@dataclass
class Mail:
    """A mail that SES accepted."""

    key: str
    recipient: str
    # The link in it, and its text.
    link: str
    text: str
    # The number of the invocation in which it was accepted.
    invocation: int
    # Which call for this mail it was in this invocation, from 0, and how SES answered it.
    number: int
    outcome: Outcome
    # Whether the table already said that this mail was sent.
    was_marked: bool


@dataclass
class Invocation:
    """What was asked in an invocation. Initialisations are invocations of their own here."""

    number: int = 0
    answers: Answers = None
    # `withheld()` is what this machine withheld from the invocation so far.
    withheld: Callable = None
    # How often what was asked, by call and key.
    asked: Counter = field(default_factory=Counter)
    # Each call, and what had been withheld when it arrived.
    arrivals: list = field(default_factory=list)


class Aws:
    """The services of one life. They keep what must outlive a process: the table, the mails, the sessions."""

    def __init__(self, source):
        self._source = source
        self._fake = FakeAws()
        self._deciding = Deciding(self._fake, self._decide)
        self._waited = 0.0
        # The invocation now, and by its addresses the last one of each process that has ended. A call that a process made
        # at its end may arrive late.
        self._now = Invocation()
        self._last = {}
        # The addresses that are those of no ended process.
        self._hosts = []
        self.attests = "this function"
        self.policy_seconds = None
        # Sessions by access key id, the execution role's and those that were minted.
        self.sessions = {}
        self.mails = []
        # The recipients of each object.
        self.objects = {}
        # Secrets that the services made or saw: tokens, and the signatures of requests and links.
        self.secrets = set()
        self._mail_of_item = {}

    async def start(self):
        await asyncio.to_thread(self._start)
        await self._deciding.start()
        return self

    def _start(self):
        self._fake.start()
        self._fake.put_all_objects(BUCKET, **OBJECT)
        if self.policy_seconds is not None:
            self._fake.put_policy(BUCKET, policy(self.policy_seconds))

    async def stop(self):
        """End the services. Raises what AWS would have refused, and what the fake one did although it was not to."""
        try:
            await self._deciding.stop()
            violations, accepted = self._fake.violations(), self._fake.mails()
        finally:
            self._fake.stop()
        assert not violations, violations
        assert len(accepted) <= len(self.mails), "SES accepted mails of which the plan says that they are lost"

    def variables(self):
        """The environment variables with which a new process finds these services.

        Each service has an address of its own, and a function connections of their own to each.
        """
        urls = self._fake.endpoints(len(ENVIRONMENT_VARIABLES))
        self._hosts += [urlsplit(url).netloc for url in urls]
        return {f"AWS_ENDPOINT_URL_{name}": url for name, url in zip(ENVIRONMENT_VARIABLES, urls, strict=True)}

    @property
    def waited(self):
        """For how many seconds the services waited for a processor so far."""
        self._waited = processor.waited(self._fake.pid) or self._waited
        return self._waited

    def begin(self, answers, withheld=lambda: 0.0):
        """Answer as `answers` says from now on. `withheld()` is what this machine withheld since then."""
        self._now = Invocation(self._now.number + 1, answers, withheld)

    def begin_initialisation(self, answers):
        """The same for a new process. All others have ended."""
        self._last |= dict.fromkeys(self._hosts, self._now)
        self._hosts = []
        self.begin(answers)

    @property
    def invocation(self):
        """The number of the invocation."""
        return self._now.number

    @property
    def answers(self):
        """Its answers."""
        return self._now.answers

    @property
    def asked(self):
        """How often what was asked in it, by call and key."""
        return self._now.asked

    @property
    def arrivals(self):
        """Each call of it, and what this machine had withheld when it arrived."""
        return self._now.arrivals

    def put_object(self, key, recipients):
        """Put an object whose links are mailed to these recipients."""
        self.objects[key] = recipients
        self._fake.put_object(BUCKET, key, **OBJECT, headers={"x-amz-meta-link-to": ",".join(recipients)})

    def end_leases(self):
        """End all leases of the table, as if five minutes had passed."""
        ledger.end_leases(self._fake)

    def freeze(self, busy=False):
        """Do to the idle connections what happens to them while a function is frozen. `busy`: to the others too."""
        self._fake.freeze_connections(self._source.choices(FATES, k=64), busy)

    async def _decide(self, call):
        """What becomes of a call, as `fake_aws.orders` has it."""
        self._remember_secrets(call)
        if call.operation in UNPLANNED:
            return NO_FAULT
        kind, about = self._understood(call)
        invocation = self._last.get(call.header("host"), self._now)
        # What it is about, and not the number of all calls, so that the order of calls does not matter.
        number = invocation.asked[kind, about]
        invocation.asked[kind, about] += 1
        invocation.arrivals.append(((kind, about, number), invocation.withheld()))
        outcome = invocation.answers.outcome(kind, about, number)
        decision = {"done": outcome.is_done, "delay": outcome.delay, "delivery": DELIVERIES.get(outcome.name, "whole")}
        if outcome.is_done and SERVICES[kind] == "sts":
            decision |= self._sts(kind, call)
        elif outcome.is_done and kind == "send":
            await self._note_mail(call, about, invocation.number, number, outcome)
        if outcome.name == GATEWAY:
            decision["reply"] = {"status": 502, "headers": {"Content-Type": "text/plain"}, "body": "Bad Gateway"}
        elif outcome.name in (REFUSAL, "throttle", "fault"):
            decision["error"] = self._error(SERVICES[kind], outcome.name, call)
        return decision

    def _understood(self, call):
        """The kind of a call, and what it is about."""
        if call.operation == "SendEmail":
            [recipient] = call.json["Destination"]["ToAddresses"]
            return "send", f"{mails.key_in(mails.link_in(raw_mail(call)))} {recipient}"
        if call.operation == "UpdateItem":
            kind, item = ledger.kind(call.json), call.json["Key"]["id"]["S"]
            if kind == "claim":
                self._mail_of_item[item] = ledger.mail(call.json)
            if kind == "content":
                item = call.json["ExpressionAttributeValues"].get(":last_mail", {"S": item})["S"]
            return kind, self._mail_of_item.get(item, item)
        kind = KINDS[call.operation]
        if SERVICES[kind] == "sts":
            return kind, call.access_key_id
        return kind, "" if kind == "policy" else call.key

    def _sts(self, kind, call):
        """STS's answer. It knows the sessions of this life."""
        if kind == "token" and self.attests == "refused":
            message = "User is not authorized to perform sts:GetWebIdentityToken"
            return {"error": {"status": 403, "code": "AccessDenied", "message": message}}
        if kind == "token":
            return {"reply": xml("GetWebIdentityToken", self._token(self.sessions[call.access_key_id]))}
        if kind == "assume":
            return {"reply": xml("AssumeRole", self._assume())}
        # The fake AWS says who calls.
        return {}

    def _token(self, session):
        if self.attests == "another function":
            # A token of a role chain: its end is the original session's, which lasts longer than this one.
            token = sessions.token(session, sessions.OTHER_FUNCTION_ARN, time.time() + 11 * 3600)
        else:
            token = sessions.token(session, FUNCTION_ARN.decode(), session.end)
        self.secrets.add(token)
        return f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>2099-01-01T00:00:00Z</Expiration>"

    def _assume(self):
        seconds = self._source.uniform(sessions.MINTED_SECONDS / 2, sessions.MINTED_SECONDS)
        session = sessions.new_session(self._source, seconds)
        self.sessions[session.access_key_id] = session
        self.secrets.update(session.secrets())
        return (
            f"<Credentials><AccessKeyId>{session.access_key_id}</AccessKeyId>"
            f"<SecretAccessKey>{session.secret_access_key}</SecretAccessKey>"
            f"<SessionToken>{session.session_token}</SessionToken>"
            f"<Expiration>{sessions.timestamp(session.end)}</Expiration></Credentials>"
        )

    async def _note_mail(self, call, about, invocation, number, outcome):
        """Note a mail that SES accepts now."""
        raw = raw_mail(call)
        link, text = mails.link_in(raw), mails.text_of(raw)
        key, recipient = about.rsplit(" ", 1)
        self.secrets.update(HEX.findall(link))
        items = await asyncio.to_thread(self._fake.items, ledger.TABLE)
        was_marked = any("sent_at" in item for item_id, item in items.items() if self._mail_of_item.get(item_id) == about)
        self.mails.append(Mail(key, recipient, link, text, invocation, number, outcome, was_marked))

    def _remember_secrets(self, call):
        self.secrets.update(HEX.findall(call.header("authorization")))
        self.secrets.update(call.query.get("X-Amz-Signature", []))

    def _error(self, service, name, call):
        """An error that repeats the call: its headers, its canonical form, and its URL with the signature."""
        status, code = {
            REFUSAL: (403, "SignatureDoesNotMatch"),
            "throttle": (429 if service == "ses" else 503 if service == "s3" else 400, THROTTLING[service]),
            "fault": (500, "InternalFailure"),
        }[name]
        repeated = repetition(call)
        # Some services begin a new line before they repeat a request, and some do not.
        message = self._source.choice([repeated, repeated.replace("\r\n", " ").replace("\n", " ")])
        headers = {"x-amzn-RequestId": call.header("x-amz-security-token") or "none"}
        return {"status": status, "code": code, "message": message, "headers": headers}


THROTTLING = {
    "sts": "Throttling",
    "s3": "SlowDown",
    "ses": "TooManyRequestsException",
    "dynamodb": "ThrottlingException",
}


def repetition(call):
    """What AWS's services say about a signature that does not match, and more."""
    url = f"https://{call.header('host')}{call.target}"
    token = call.header("x-amz-security-token")
    return (
        f"The request signature we calculated does not match the signature you provided for token {token} and {url}.\n\n"
        f"The Canonical String for this request should have been\n'{call.head}'\n{call.body[:2000]}"
    )


def raw_mail(call):
    """The mail in a call of SES's."""
    return base64.b64decode(call.json["Content"]["Raw"]["Data"])


def xml(action, result):
    """A good answer of STS."""
    body = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
    return {"status": 200, "headers": {"Content-Type": "text/xml"}, "body": body}


def policy(seconds):
    """A bucket's policy that denies what signatures ask for that are older."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"NumericGreaterThan": {"s3:signatureAge": str(seconds * 1000)}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
