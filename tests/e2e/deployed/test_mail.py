"""The mails about files in the deployed bucket: from S3's notification to the inbox, and the link back to S3.

Python's `email` parses the mails. It shares no code with the function.
"""

import json
import re
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit

import pytest
from local_aws import api_client, deploying, inbox

SENDER = "files@example.com"
PREFIX = "private-files/"


@dataclass(frozen=True)
class Mailing:
    """A second stack, with a sender for mails."""

    aws: object
    bucket: str
    function: str
    queue: str
    dead_letters: str
    ledger: str

    def put(self, key, content, link_to=None):
        """Put a file for a recipient, by default for a new one. Returns the recipient."""
        link_to = link_to or f"{uuid.uuid4()}@example.com"
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content, Metadata={"link-to": link_to})
        return link_to

    def mails_to(self, recipient, count=1):
        return inbox.wait_for(self.aws, lambda mail: mail.recipients == [recipient], count)

    def message_count(self, queue):
        """The number of messages in a queue, including those in flight."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        response = self.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(response["Attributes"][name]) for name in names)

    def wait_until_processed(self, seconds=30):
        """Wait until the queue is empty."""
        deadline = time.monotonic() + seconds
        while self.message_count(self.queue):
            assert time.monotonic() < deadline, f"the queue was not empty after {seconds} seconds"
            time.sleep(0.1)

    def shorten_retries(self):
        """Retry failed messages after a second and twelve times. With the template's values, that takes thirty hours."""
        sqs = self.aws.client("sqs")
        names = ["RedrivePolicy", "VisibilityTimeout"]
        attributes = sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        redrive = json.loads(attributes["RedrivePolicy"])
        # SES's daily quota is over the last 24 hours.
        assert int(attributes["VisibilityTimeout"]) * int(redrive["maxReceiveCount"]) > 24 * 3600
        shorter = {"VisibilityTimeout": "1", "RedrivePolicy": json.dumps({**redrive, "maxReceiveCount": 12})}
        sqs.set_queue_attributes(QueueUrl=self.queue, Attributes=shorter)

    def log(self):
        logs = self.aws.client("logs")
        configuration = self.aws.client("lambda").get_function_configuration(FunctionName=self.function)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"])
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def items(self):
        """The items of mails. Another one, for each file and mailbox, names the content that was mailed last."""
        items = self.aws.client("dynamodb").scan(TableName=self.ledger)["Items"]
        return [item for item in items if "last_mail" not in item]


@pytest.fixture(scope="module")
def mailing(aws):
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    deploying.deploy(
        aws,
        stack="s3-link-mailer",
        MailFrom=SENDER,
        MailFromName="Müller und Söhne",
        MailAllowedRecipients="*@example.com",
        MailTo="everyone@example.com",
    )
    outputs = deploying.stack_outputs(aws, "s3-link-mailer")
    mailing = Mailing(
        aws,
        bucket=outputs["FilesBucketName"],
        function=outputs["LinkMailerName"],
        queue=outputs["MailQueueUrl"],
        dead_letters=outputs["MailDeadLettersUrl"],
        ledger=outputs["MailLedgerName"],
    )
    mailing.shorten_retries()
    return mailing


HARD_NAMES = [
    "a+b c.pdf",
    "ü/日本語.txt",
    "100% sure, 100%25 surer.txt",
    "k" * (1000 - len(PREFIX) - 4) + ".bin",
    "e\u0301 nfd.txt",
    "tom & jerry's \"<b>file</b>\".txt",
    "family 👨‍👩‍👧.jpg",
    "a=b;c?d#e~f!(g)*.txt",
    "gpj\u202eexe.scr",
    # The local SES fails at such a subject, unless it is encoded.
    "=?utf-8?q?a=0Ab?=.txt",
]


@pytest.mark.parametrize("name", HARD_NAMES, ids=lambda name: name[:20].encode("unicode_escape").decode())
def test_the_recipient_in_the_metadata_gets_a_mail_whose_link_downloads_the_file(mailing, name):
    content = uuid.uuid4().bytes * 100
    before = datetime.now(timezone.utc)
    [mail] = mailing.mails_to(mailing.put(PREFIX + name, content))

    assert mail.sender == SENDER
    assert mail.message["From"].addresses[0].display_name == "Müller und Söhne"
    assert mail.message.get_content_type() == "multipart/alternative"
    assert max(len(line) for line in mail.raw.split(b"\r\n")) <= 76
    shown = name.rsplit("/", 1)[-1].replace("\u202e", "\ufffd")
    # A long name is shown without its middle.
    assert (shown if len(shown) <= 160 else shown[-53:]) in mail.text
    assert "1.6 kB" in mail.text and "1.6 kB" in mail.html

    assert mail.link == mail.button
    response = api_client.send("GET", mail.link)
    assert (response.status, response.body) == (200, content)

    # The mail states the same end as the URL.
    query = parse_qs(urlsplit(mail.link).query)
    # The local S3 does not send this header, so the test checks the URL.
    assert query["response-content-disposition"][0].startswith("attachment")
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    end = signed_at + timedelta(seconds=int(query["X-Amz-Expires"][0]))
    stated = re.search(r"This link works until (.*)\s+\((\d+) minutes from when this was sent\)", mail.text)
    assert stated[1] == f"{end:%A} {end.day} {end:%B %Y, %H:%M} UTC"
    assert f'<time datetime="{end:%Y-%m-%dT%H:%M:%SZ}">{stated[1]}</time>' in mail.html
    assert before - timedelta(seconds=1) <= signed_at <= datetime.now(timezone.utc)
    # The session of the local AWS lasts an hour, and the link ends some seconds before it.
    assert stated[2] == "59"


def test_each_recipient_gets_a_link_of_their_own_and_other_domains_get_none(mailing):
    one, two = (f"{uuid.uuid4()}@example.com" for _ in range(2))
    mailing.put(f"{PREFIX}for two.txt", b"x", link_to=f"{one}, eve-{uuid.uuid4()}@evil.test,{two}")
    links = [mailing.mails_to(recipient)[0].link for recipient in (one, two)]
    ids = {parse_qs(urlsplit(link).query)["x-link-id"][0] for link in links}
    assert len(ids) == 2
    mailing.wait_until_processed()
    assert not [mail for mail in inbox.mails(mailing.aws) if "evil" in mail.recipients[0]]


def test_a_file_without_a_recipient_is_mailed_to_the_recipient_in_the_settings(mailing):
    content = uuid.uuid4().bytes
    mailing.aws.client("s3").put_object(Bucket=mailing.bucket, Key=f"{PREFIX}for all.txt", Body=content)
    [mail] = mailing.mails_to("everyone@example.com")
    assert api_client.send("GET", mail.link).body == content


def notification(mailing, key):
    """S3's notification about this file, as the queue could deliver it a second time."""
    head = mailing.aws.client("s3").head_object(Bucket=mailing.bucket, Key=key)
    item = next(item for item in mailing.items() if item["key"]["S"] == key)
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-23T13:05:16.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "203.0.113.7"},
        "responseElements": {"x-amz-request-id": "EXAMPLE123456789"},
        "s3": {
            "bucket": {"name": mailing.bucket},
            "object": {"key": key, "versionId": head["VersionId"], "sequencer": item["sequencer"]["S"]},
        },
    }
    return json.dumps({"Records": [record]})


def test_an_event_that_is_delivered_ten_times_sends_one_mail(mailing):
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"once")
    mailing.mails_to(recipient)
    again = notification(mailing, key)
    entries = [{"Id": str(index), "MessageBody": again} for index in range(10)]
    mailing.aws.client("sqs").send_message_batch(QueueUrl=mailing.queue, Entries=entries)
    mailing.wait_until_processed()
    assert len(mailing.mails_to(recipient)) == 1


def test_a_mail_that_was_claimed_and_not_sent_is_sent_once_after_its_lease(mailing):
    """The test changes the ledger to the state that a function leaves if it ends between claim and send."""
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"claimed")
    [first] = mailing.mails_to(recipient)
    again = notification(mailing, key)
    [item] = [item for item in mailing.items() if item["recipient"]["S"] == recipient]
    dynamodb = mailing.aws.client("dynamodb")
    claimed = {**item, "lease_ends_at": {"N": str(int(time.time()) + 300)}}
    for name in ("sent_at", "message_id", "link_id"):
        del claimed[name]
    dynamodb.put_item(TableName=mailing.ledger, Item=claimed)

    mailing.aws.client("sqs").send_message(QueueUrl=mailing.queue, MessageBody=again)
    time.sleep(3)
    assert mailing.message_count(mailing.queue) == 1
    assert [mail.message_id for mail in mailing.mails_to(recipient)] == [first.message_id]

    claimed["lease_ends_at"] = {"N": str(int(time.time()))}
    dynamodb.put_item(TableName=mailing.ledger, Item=claimed)
    mailing.mails_to(recipient, count=2)
    mailing.wait_until_processed()
    assert len(mailing.mails_to(recipient)) == 2


def test_the_ledger_has_the_mail_the_link_and_the_time_of_deletion(mailing):
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"written")
    [mail] = mailing.mails_to(recipient)
    mailing.wait_until_processed()
    [item] = [item for item in mailing.items() if item["recipient"]["S"] == recipient]
    assert item["message_id"]["S"] == mail.message_id
    assert item["link_id"]["S"] == parse_qs(urlsplit(mail.link).query)["x-link-id"][0]
    days = (int(item["forget_at"]["N"]) - time.time()) / 86400
    assert 29.9 < days <= 30
    assert "lease_ends_at" not in item


def test_an_event_about_a_deleted_file_sends_no_mail(mailing):
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"gone")
    mailing.mails_to(recipient)
    late = json.loads(notification(mailing, key))
    late["Records"][0]["s3"]["object"]["sequencer"] = "00"
    mailing.aws.client("s3").delete_object(Bucket=mailing.bucket, Key=key)
    mailing.aws.client("sqs").send_message(QueueUrl=mailing.queue, MessageBody=json.dumps(late))
    mailing.wait_until_processed()
    assert len(mailing.mails_to(recipient)) == 1


def test_files_outside_the_prefix_and_folder_markers_send_no_mail(mailing):
    elsewhere = mailing.put("elsewhere/a.txt", b"x")
    marker = mailing.put(f"{PREFIX}new folder/", b"")
    mailing.wait_until_processed()
    assert not [mail for mail in inbox.mails(mailing.aws) if mail.recipients[0] in (elsewhere, marker)]


def test_an_unknown_message_ends_in_the_dead_letter_queue_unchanged(mailing):
    sqs = mailing.aws.client("sqs")
    # The queue delivers it twelve times, once a second.
    sqs.send_message(QueueUrl=mailing.queue, MessageBody="Test message.")
    deadline = time.monotonic() + 60
    while not mailing.message_count(mailing.dead_letters):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    [message] = sqs.receive_message(QueueUrl=mailing.dead_letters)["Messages"]
    assert message["Body"] == "Test message."
    sqs.delete_message(QueueUrl=mailing.dead_letters, ReceiptHandle=message["ReceiptHandle"])
    assert "message not understood" in mailing.log()


def redrive(mailing):
    """Move dead letters back to the queue, as `aws sqs start-message-move-task` does. The local AWS lacks that call."""
    sqs = mailing.aws.client("sqs")
    for message in sqs.receive_message(QueueUrl=mailing.dead_letters, MaxNumberOfMessages=10)["Messages"]:
        sqs.send_message(QueueUrl=mailing.queue, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=mailing.dead_letters, ReceiptHandle=message["ReceiptHandle"])


def test_a_mail_that_ses_refused_is_sent_after_the_cause_is_fixed_and_the_message_redriven(mailing):
    ses = mailing.aws.client("sesv2")
    ses.delete_email_identity(EmailIdentity=SENDER)
    try:
        key = f"{PREFIX}{uuid.uuid4()}.txt"
        recipient = mailing.put(key, b"refused")
        deadline = time.monotonic() + 60
        while not mailing.message_count(mailing.dead_letters):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        ses.create_email_identity(EmailIdentity=SENDER)
    assert "SES refuses it (MessageRejected)" in mailing.log()
    assert '"words":"Email address is not verified.' in mailing.log()
    redrive(mailing)
    [mail] = mailing.mails_to(recipient)
    assert api_client.send("GET", mail.link).body == b"refused"


def test_the_queue_accepts_messages_only_from_this_bucket_of_this_account(mailing):
    response = mailing.aws.client("sqs").get_queue_attributes(QueueUrl=mailing.queue, AttributeNames=["All"])
    [statement] = json.loads(response["Attributes"]["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{mailing.bucket}"},
        "StringEquals": {"aws:SourceAccount": response["Attributes"]["QueueArn"].split(":")[4]},
    }


def test_both_queues_are_encrypted_and_the_ledger_is_billed_per_request(mailing):
    for queue in (mailing.queue, mailing.dead_letters):
        response = mailing.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["SqsManagedSseEnabled"])
        assert response["Attributes"]["SqsManagedSseEnabled"] == "true"
    table = mailing.aws.client("dynamodb").describe_table(TableName=mailing.ledger)["Table"]
    # The template also sets the encryption of the table. The local AWS does not return it.
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_without_a_sender_the_stack_has_no_mail_resources(aws, stack):
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.stack)
    names = [resource["LogicalResourceId"] for page in pages for resource in page["StackResourceSummaries"]]
    assert "LinkSigner" in names and "FilesBucket" in names
    assert not [name for name in names if "Mail" in name]
    notifications = aws.client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    assert "QueueConfigurations" not in notifications


def test_the_log_has_a_line_for_each_mail_and_contains_no_link_and_no_address(mailing):
    """The log contains the lines of all tests in this file so far."""
    recipient = mailing.put(f"{PREFIX}logged.txt", b"x")
    [mail] = mailing.mails_to(recipient)
    mailing.wait_until_processed()
    deadline = time.monotonic() + 10
    while mail.message_id not in mailing.log() and time.monotonic() < deadline:
        time.sleep(0.2)
    text = mailing.log()
    [line] = [json.loads(line) for line in text.splitlines() if mail.message_id in line]
    line = {**line, **line.get("fields", {})}
    query = parse_qs(urlsplit(mail.link).query)
    assert (line["to_domain"], line["link_id"]) == ("example.com", query["x-link-id"][0])
    assert "MailsSent" in text and "RecipientsRefused" in text
    assert query["X-Amz-Signature"][0] not in text
    for word in ("X-Amz-Signature", "X-Amz-Security-Token", "SecretAccessKey", "SessionToken", "Authorization", "eyJ"):
        assert word.lower() not in text.lower(), word
    for sent in inbox.mails(mailing.aws):
        assert sent.recipients[0] not in text
        assert sent.recipients == ["everyone@example.com"] or sent.recipients[0].split("@")[0] not in text
