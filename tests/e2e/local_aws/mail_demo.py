"""The mail in the demo: its sender, its recipient and its text.

This module sends no mail. The function sends one because `demo` uploads a file.
"""

import textwrap

from . import inbox

SENDER = "files@example.com"
RECIPIENT = "reader@example.com"

# For `deploying.deploy`.
PARAMETERS = {
    "MailFrom": SENDER,
    "MailFromName": "The link signer",
    "MailTo": RECIPIENT,
    "MailAllowedRecipients": "*@example.com",
}


def verify_sender(aws):
    """Verify the sender's address. SES sends mails only from verified addresses."""
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)


def wait_for_mail(aws, beginning):
    """The mail whose link begins with this, once it is in the inbox."""
    return inbox.wait_for(aws, lambda mail: mail.recipients == [RECIPIENT] and mail.link.startswith(beginning))[0]


def as_plain_text(mail):
    """A mail as a mail program without HTML shows it."""
    headers = "\n".join(f"{name}: {mail.message[name]}" for name in ("From", "To", "Date", "Subject"))
    return textwrap.indent(f"{headers}\n\n{mail.text.strip()}", "    ", lambda line: True)
