"""Compares what the function answered with what it promised."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qs, urlsplit

# In a mail's text: "until Monday 23 November 2026, 14:05 UTC".
MAIL_PROMISE = re.compile(r"until \w+ (\d+ \w+ \d{4}, \d\d:\d\d) UTC")


@dataclass
class Answer:
    """An answer of the signer, taken apart."""

    status: int
    # For each link that was asked for: the link's JSON, or None.
    links: list
    # What was given instead of links: text that must hold no secret.
    words: list = field(default_factory=list)
    # The kinds of evidence in it.
    evidence: set = field(default_factory=set)
    # Whether the policy of the bucket was read.
    has_policy: bool = False
    # What a `GET /session` says.
    session: dict = None


def answer(invoke, response):
    """Take a response apart."""
    if response.kind != "response":
        return Answer(500, [None] * invoke.count, [response.body.decode(errors="replace")])
    packed = json.loads(response.body)
    status, body = packed["statusCode"], packed.get("body") or ""
    if status == 303:
        return Answer(status, [{"url": packed["headers"]["location"]}])
    if status != 200:
        return Answer(status, [None] * invoke.count, [response.body.decode(errors="replace")])
    parsed = json.loads(body)
    if invoke.what == "session":
        evidence = {parsed["session"]["evidence"]} if parsed["session"] else set()
        return Answer(status, [parsed], [body], evidence, session=parsed)
    entries = parsed.get("links", [parsed])
    links = [entry if "url" in entry else None for entry in entries]
    words = [json.dumps(entry) for entry in entries if "url" not in entry]
    given = [link for link in links if link]
    has_policy = any(link.get("bucket_policy") == "heeded" for link in given)
    return Answer(status, links, words, {link["session"]["evidence"] for link in given}, has_policy)


def broken_promises(answered, sessions, policy_seconds):
    """Sentences about the promises in an answer that the session, or the bucket's policy, does not keep."""
    broken = []
    if answered.session:
        available = answered.session["available"]
        ending = answered.session["signer"]["access_key_id_ends_with"]
        ends = [session.end for key, session in sessions.items() if key.endswith(ending)]
        if available and instant(available["expires_at"]) > max(ends):
            broken.append("GET /session promises more than the session keeps")
        return broken
    for link in filter(None, answered.links):
        broken += broken_link(link["url"], link.get("expires_at"), sessions)
        if policy_seconds and link.get("bucket_policy") == "heeded" and link["expires_in"] > policy_seconds:
            broken.append(f"a policy denies signatures of {policy_seconds} s, and a link has {link['expires_in']} s")
    return broken


def broken_link(url, expires_at, sessions):
    """Sentences about the promises of one link."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    session = sessions.get(query["X-Amz-Credential"].split("/")[0])
    if session is None:
        return ["a link is signed with a key that nobody was given"]
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    ends_at = signed_at + int(query["X-Amz-Expires"])
    broken = []
    if ends_at > session.end:
        broken.append(f"X-Amz-Expires ends {ends_at - session.end:.0f} s after the session")
    if expires_at is not None and instant(expires_at) > session.end:
        broken.append(f"expires_at is {instant(expires_at) - session.end:.0f} s after the session's end")
    if expires_at is not None and instant(expires_at) > ends_at:
        broken.append("expires_at is later than what is signed")
    return broken


def broken_mail(mail, sessions):
    """Sentences about the promises of one mail."""
    broken = broken_link(mail.link, None, sessions)
    promised = MAIL_PROMISE.search(" ".join(mail.text.split()))
    if promised is None:
        return [*broken, "a mail does not say how long its link works"]
    until = datetime.strptime(promised[1], "%d %B %Y, %H:%M").replace(tzinfo=timezone.utc)
    return broken + broken_link(mail.link, until.isoformat(), sessions)


def instant(text):
    """An instant of the API's JSON, in seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def signatures(links):
    """The signatures of links that were given."""
    return {parse_qs(urlsplit(link["url"]).query)["X-Amz-Signature"][0] for link in links if link and "url" in link}
