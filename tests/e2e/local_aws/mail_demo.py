"""The part of the demo that is about mail: who mails whom, and the mail as it arrived.

Sends nothing itself: the mail was sent because `demo` put a file.
"""

import textwrap

from . import inbox

SENDER = "files@example.com"
READER = "reader@example.com"

# For `deploying.deploy`.
PARAMETERS = {
    "MailFrom": SENDER,
    "MailFromName": "The link signer",
    "MailTo": READER,
    "MailAllowedRecipients": "*@example.com",
}


def verify_sender(aws):
    """What an owner of the address does once, and SES asks for before it sends anything."""
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)


def arrived(aws):
    """The mail about the file, once it is in the inbox."""
    return inbox.wait_for(aws, lambda mail: mail.recipients == [READER])[0]


def as_read(mail):
    """A mail as a program that knows no HTML shows it."""
    headers = "\n".join(f"{name}: {mail.message[name]}" for name in ("From", "To", "Date", "Subject"))
    return textwrap.indent(f"{headers}\n\n{mail.text.strip()}", "    ", lambda line: True)
