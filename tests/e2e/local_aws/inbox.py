"""The local AWS's inbox: mails as SES took them, read with Python's own `email`, and the links in them.

Reads what `ministack_patches` lays there; sends nothing.
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
    """A mail as it arrived."""

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
        # Its lines end as the wire has them.
        return self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")

    @property
    def html(self):
        return self.message.get_body(("html",)).get_content().replace("\r\n", "\n")

    @property
    def link(self):
        """The link in the plain text."""
        return re.search(r"^https?://\S+$", self.text, re.MULTILINE).group()

    @property
    def button(self):
        """The link behind the button of the HTML, as a mail program would open it."""
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
    """All mails so far, in the order in which they came."""
    found = []
    for file in sorted(aws.inbox.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
        envelope = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        found.append(Mail(envelope["message_id"], envelope["from"], envelope["to"], file.read_bytes()))
    return found


def wait_for(aws, wanted, count=1, seconds=30):
    """The mails that are wanted, once there are so many of them."""
    deadline = time.monotonic() + seconds
    while True:
        found = [mail for mail in mails(aws) if wanted(mail)]
        if len(found) >= count:
            return found
        if time.monotonic() > deadline:
            raise commands.Failure(f"{len(found)} of {count} mails came within {seconds} seconds")
        time.sleep(0.1)
