"""The AWS of one life: STS, S3, SES and DynamoDB, each with a server of its own.

They answer as `answers` says. Their errors repeat what they were sent, as AWS's do when they can't verify a
signature, so that a function that passes an upstream's words on shows its secrets.
"""

import asyncio
import base64
import email
import email.policy
import json
import re
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from bare_lambda.runtime_api import FUNCTION_ARN
from local_lambda import stub_ledger

from . import sessions
from .server import Answer, Server
from .answers import GATEWAY, REFUSAL, Outcome

VERSION = "UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa"
HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
ENVIRONMENT_VARIABLES = {"sts": "STS", "s3": "S3", "ses": "SESV2", "dynamodb": "DYNAMODB"}


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


class Aws:
    """The services of one life. They keep what must outlive a process: the table, the mails, the sessions."""

    def __init__(self, source):
        self._source = source
        self._servers = {service: Server(self._answering(service)) for service in ENVIRONMENT_VARIABLES}
        # The number of the invocation, and its answers. Initialisations are invocations of their own here.
        self.invocation = 0
        self.answers = None
        self.attests = "this function"
        self.policy_seconds = None
        # Sessions by access key id, the execution role's and those that were minted.
        self.sessions = {}
        self.table = {}
        self.mails = []
        # The recipients of each object.
        self.objects = {}
        # How often what was asked in this invocation, by call and key.
        self.asked = Counter()
        # Each call of this invocation, and what this machine had withheld when it arrived. `withheld` says that.
        self.arrivals = []
        self.withheld = None
        # Secrets that the services made or saw: tokens, and the signatures of requests and links.
        self.secrets = set()
        self._mail_of_item = {}

    async def start(self):
        for server in self._servers.values():
            await server.start()
        return self

    async def stop(self):
        await asyncio.gather(*(server.stop() for server in self._servers.values()))

    def variables(self):
        """The environment variables with which the function finds these services."""
        return {f"AWS_ENDPOINT_URL_{name}": self._servers[service].url for service, name in ENVIRONMENT_VARIABLES.items()}

    def begin(self, answers, withheld=lambda: 0.0):
        """Answer as `answers` says from now on. `withheld()` is what this machine withheld since then."""
        self.invocation += 1
        self.answers = answers
        self.asked.clear()
        self.arrivals = []
        self.withheld = withheld

    def end_leases(self):
        """End all leases of the table, as if five minutes had passed."""
        stub_ledger.end_leases(self.table)

    def freeze(self, busy=False):
        """Do to the idle connections what happens to them while a function is frozen. `busy`: to the others too."""
        for server in self._servers.values():
            server.freeze(self._source, busy)

    def _answering(self, service):
        async def answer(request):
            self._remember_secrets(request)
            call, key, respond = self._understood(service, request)
            # The key, and not the number of all calls, so that the order of calls does not matter.
            number = self.asked[call, key]
            self.asked[call, key] += 1
            self.arrivals.append(((call, key, number), self.withheld()))
            outcome = self.answers.outcome(call, key, number)
            answer = Answer(delay=outcome.delay)
            if outcome.is_done:
                answer.status, answer.headers, answer.body = respond(outcome)
            if outcome.name == "hang" or outcome.name == "endless":
                answer.failure = outcome.name
            elif outcome.name.startswith("reset"):
                answer.failure = "reset"
            elif outcome.name == GATEWAY:
                answer.status, answer.headers, answer.body = 502, {"Content-Type": "text/plain"}, b"Bad Gateway"
            elif outcome.name in (REFUSAL, "throttle", "fault"):
                answer.status, answer.headers, answer.body = self._error(service, outcome.name, request)
            return answer

        return answer

    def _understood(self, service, request):
        """The kind of the call, what it is about, and a function that does it and returns the good answer."""
        if service == "sts":
            return self._sts(request)
        if service == "s3":
            if urlsplit(request.target).query.startswith("policy"):
                return "policy", "", lambda _: self._policy()
            key = unquote(urlsplit(request.target).path).split("/", 2)[-1]
            return ("check" if request.method == "GET" else "head"), key, lambda _: self._s3(request, key)
        if service == "ses":
            return self._ses(request)
        body = json.loads(request.body)
        call = stub_ledger.kind(body)
        item_id = body["Key"]["id"]["S"]
        if call == "claim":
            self._mail_of_item[item_id] = stub_ledger.mail(body)
        return call, self._mail_of_item.get(item_id, item_id), lambda _: self._dynamodb(body)

    def _sts(self, request):
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        credential = re.search(r"Credential=([A-Z0-9]+)/", request.headers["authorization"])[1]
        action = form["Action"]
        if action == "GetWebIdentityToken":
            return "token", credential, lambda outcome: self._token(credential, outcome)
        if action == "AssumeRole":
            return "assume", credential, lambda _: self._assume()
        return "caller", credential, lambda _: xml(
            "GetCallerIdentity", "<Arn>arn:aws:sts::123456789012:assumed-role/signer/signer</Arn>"
        )

    def _token(self, credential, outcome):
        session = self.sessions[credential]
        if self.attests == "refused":
            return self._refused_token()
        if self.attests == "another function":
            # A token of a role chain: its end is the original session's, which lasts longer than this one.
            token = sessions.token(session, sessions.OTHER_FUNCTION_ARN, time.time() + 11 * 3600)
        else:
            token = sessions.token(session, FUNCTION_ARN.decode(), session.end)
        self.secrets.add(token)
        answer = f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>2099-01-01T00:00:00Z</Expiration>"
        return xml("GetWebIdentityToken", answer)

    def _refused_token(self):
        code = "<Code>AccessDenied</Code><Message>User is not authorized to perform sts:GetWebIdentityToken</Message>"
        return 403, {"Content-Type": "text/xml"}, f"<ErrorResponse><Error>{code}</Error></ErrorResponse>".encode()

    def _assume(self):
        seconds = self._source.uniform(sessions.MINTED_SECONDS / 2, sessions.MINTED_SECONDS)
        session = sessions.new_session(self._source, seconds)
        self.sessions[session.access_key_id] = session
        self.secrets.update(session.secrets())
        return xml(
            "AssumeRole",
            f"<Credentials><AccessKeyId>{session.access_key_id}</AccessKeyId>"
            f"<SecretAccessKey>{session.secret_access_key}</SecretAccessKey>"
            f"<SessionToken>{session.session_token}</SessionToken>"
            f"<Expiration>{sessions.timestamp(session.end)}</Expiration></Credentials>",
        )

    def _policy(self):
        if self.policy_seconds is None:
            error = b"<Error><Code>NoSuchBucketPolicy</Code><Message>There is none</Message></Error>"
            return 404, {"Content-Type": "text/xml"}, error
        statement = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "*",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": str(self.policy_seconds * 1000)}},
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return 200, {"Content-Type": "application/json"}, json.dumps(policy).encode()

    def _s3(self, request, key):
        headers = {"ETag": '"d41d8cd98f00b204e9800998ecf8427e"', "x-amz-version-id": VERSION}
        if request.method == "GET":
            return 206, {**headers, "Content-Range": "bytes 0-0/1024"}, b"x"
        if key in self.objects:
            headers["x-amz-meta-link-to"] = ",".join(self.objects[key])
        return 200, {**headers, "Content-Length": "1024"}, b""

    def _ses(self, request):
        body = json.loads(request.body)
        [recipient] = body["Destination"]["ToAddresses"]
        raw = base64.b64decode(body["Content"]["Raw"]["Data"])
        text = email.message_from_bytes(raw, policy=email.policy.default).get_body(("plain",)).get_content()
        [link] = [line.strip() for line in text.splitlines() if line.startswith("http")]
        key = unquote(urlsplit(link).path).split("/", 2)[-1]
        self.secrets.update(HEX.findall(link))
        mail = f"{key} {recipient}"

        def accept(outcome):
            was_marked = any("sent_at" in self.table.get(item, {}) for item in self._items_of(mail))
            number = self.asked["send", mail] - 1
            self.mails.append(Mail(key, recipient, link, text, self.invocation, number, outcome, was_marked))
            return 200, {"Content-Type": "application/json"}, json.dumps({"MessageId": str(uuid.uuid4())}).encode()

        return "send", mail, accept

    def _items_of(self, mail):
        """The ids of the table's items about a mail."""
        return [item for item, about in self._mail_of_item.items() if about == mail]

    def _dynamodb(self, body):
        status, answer = stub_ledger.call(self.table, body)
        return status, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()

    def _remember_secrets(self, request):
        self.secrets.update(HEX.findall(request.headers.get("authorization", "")))
        self.secrets.update(parse_qs(urlsplit(request.target).query).get("X-Amz-Signature", []))

    def _error(self, service, name, request):
        """An error that repeats the request: its headers, its canonical form, and its URL with the signature."""
        status, code = {
            REFUSAL: (403, "SignatureDoesNotMatch"),
            "throttle": (429 if service == "ses" else 503 if service == "s3" else 400, THROTTLING[service]),
            "fault": (500, "InternalFailure"),
        }[name]
        repeated = repetition(request)
        # Some services begin a new line before they repeat a request, and some do not.
        message = self._source.choice([repeated, repeated.replace("\r\n", " ").replace("\n", " ")])
        headers = {"x-amzn-RequestId": request.headers.get("x-amz-security-token", "none")}
        if service in ("sts", "s3"):
            error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            if service == "sts":
                error = f"<ErrorResponse>{error}</ErrorResponse>"
            return status, {**headers, "Content-Type": "text/xml"}, error.encode()
        kind = "application/json" if service == "ses" else "application/x-amz-json-1.0"
        body = {"__type": code, "message": message, "Message": message}
        return status, {**headers, "Content-Type": kind, "x-amzn-ErrorType": code}, json.dumps(body).encode()


THROTTLING = {
    "sts": "Throttling",
    "s3": "SlowDown",
    "ses": "TooManyRequestsException",
    "dynamodb": "ThrottlingException",
}


def repetition(request):
    """What AWS's services say about a signature that does not match, and more."""
    url = f"https://{request.headers.get('host', '')}{request.target}"
    token = request.headers.get("x-amz-security-token", "")
    return (
        f"The request signature we calculated does not match the signature you provided for token {token} and {url}.\n\n"
        f"The Canonical String for this request should have been\n'{request.head}'\n"
        f"{request.body[:2000].decode('latin-1')}"
    )


def xml(action, result):
    """A good answer of STS."""
    body = f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
    return 200, {"Content-Type": "text/xml"}, body.encode()

