"""What a mail says that SES was given."""

import email
import email.policy
from urllib.parse import unquote, urlsplit


def text_of(mail):
    """The plain text of a raw mail."""
    return email.message_from_bytes(mail, policy=email.policy.default).get_body(("plain",)).get_content()


def link_in(mail):
    """The link in a raw mail."""
    [link] = [line.strip() for line in text_of(mail).splitlines() if line.startswith("http")]
    return link


def key_in(link):
    """The object key in a link, whose bucket stands in the path."""
    return unquote(urlsplit(link).path).split("/", 2)[-1]
