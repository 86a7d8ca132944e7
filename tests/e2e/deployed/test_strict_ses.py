"""Mails on an account as most are at first: in SES's sandbox, with a verified domain that has a default configuration
set. The sender is at a subdomain of it, and the folder's name has characters of every kind that the template allows.

SES then authorises three resources for each mail, and none of them is the sender's own address or domain.
"""

import time
import uuid

import pytest
from local_aws import commands, deploying, inbox

DOMAIN = "owner.example"
SENDER = f"files@mail.{DOMAIN}"
RECIPIENT = "reader@elsewhere.example"
PREFIX = "AZaz09!_.()-/v1.0_(final)!/"


@pytest.fixture(scope="module")
def outputs(aws):
    ses = aws.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="all-mails")
    ses.create_email_identity(EmailIdentity=DOMAIN, ConfigurationSetName="all-mails")
    ses.create_email_identity(EmailIdentity=RECIPIENT)
    deploying.deploy(
        aws,
        stack="at-first",
        MailFrom=SENDER,
        MailAllowedRecipients="*@elsewhere.example,*@*.example.org",
        MailTo=RECIPIENT,
        FilesPrefix=PREFIX,
    )
    ses.put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://owner.example", ProductionAccessEnabled=False
    )
    yield deploying.stack_outputs(aws, "at-first")
    ses.put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://owner.example", ProductionAccessEnabled=True
    )


def test_a_mail_arrives(aws, outputs):
    key = f"{PREFIX}{uuid.uuid4()}"
    aws.client("s3").put_object(Bucket=outputs["FilesBucketName"], Key=key, Body=b"x")
    [mail] = inbox.wait_for(aws, lambda mail: mail.recipients == [RECIPIENT])
    assert mail.sender == SENDER


@pytest.mark.parametrize("prefix", ["a+b/", "a&b/"])
def test_a_folder_whose_files_s3_would_not_announce_is_refused(aws, outputs, prefix):
    """In the filter of a notification `+` is a space, and the others must be percent-encoded."""
    stack = f"folder-{uuid.uuid4().hex[:8]}"
    try:
        deploying.deploy(
            aws, stack=stack, MailFrom=SENDER, MailAllowedRecipients="*@elsewhere.example", FilesPrefix=prefix
        )
    except commands.Failure as failure:
        assert "FilesPrefix" in str(failure)
        return
    bucket = deploying.stack_outputs(aws, stack)["FilesBucketName"]
    before = len(inbox.mails(aws))
    aws.client("s3").put_object(Bucket=bucket, Key=f"{prefix}x", Body=b"x", Metadata={"link-to": RECIPIENT})
    time.sleep(5)
    assert len(inbox.mails(aws)) > before, "the stack was deployed, and files in the folder are never mailed"
