"""The local AWS's inbox: the mails that SES accepted, parsed with Python's `email`, and the links in them.

`ministack_patches` stores the mails. This module only reads them.
"""

import email
import email.policy
import html.parser
import json
import re
import time
from dataclasses import dataclass, field

from . import commands


@dataclass(frozen=True)
class Mail:
    """A mail as SES accepted it."""

    message_id: str
    sender: str
    recipients: list
    raw: bytes = field(repr=False)

    @property
    def message(self):
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self):
        return str(self.message["Subject"])

    @property
    def text(self):
        # In the raw mail, lines end with CRLF.
        return self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")

    @property
    def html(self):
        return self.message.get_body(("html",)).get_content().replace("\r\n", "\n")

    @property
    def link(self):
        """The link in the plain text part."""
        return re.search(r"^https?://\S+$", self.text, re.MULTILINE).group()

    @property
    def button(self):
        """The link of the button in the HTML part, as a mail program would open it."""
        links = _Links()
        links.feed(self.html)
        [link] = links.found
        return link


class _Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found.append(dict(attributes)["href"])


def mails(aws):
    """All mails so far, in the order of their arrival."""
    found = []
    for file in sorted(aws.inbox.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
        envelope = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        found.append(Mail(envelope["message_id"], envelope["from"], envelope["to"], file.read_bytes()))
    return found


def wait_for(aws, matches, count=1, seconds=30):
    """The mails for which `matches` is true, once there are `count` of them."""
    deadline = time.monotonic() + seconds
    while True:
        found = [mail for mail in mails(aws) if matches(mail)]
        if len(found) >= count:
            return found
        if time.monotonic() > deadline:
            raise commands.Failure(f"{len(found)} of {count} mails arrived within {seconds} seconds")
        time.sleep(0.1)
