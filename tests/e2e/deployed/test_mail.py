"""Files that land in the deployed bucket, and the mails about them: from S3's notification to the inbox and back to S3.

The mails are read with Python's own `email`, which neither wrote them nor knows who did.
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
    """A stack of its own, with a sender."""

    aws: object
    bucket: str
    function: str
    queue: str
    dead_letters: str
    ledger: str

    def put(self, key, content, link_to=None):
        """Put a file; by default for somebody nobody else writes to. Returns the recipient."""
        link_to = link_to or f"{uuid.uuid4()}@example.com"
        self.aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content, Metadata={"link-to": link_to})
        return link_to

    def mails_to(self, recipient, count=1):
        return inbox.wait_for(self.aws, lambda mail: mail.recipients == [recipient], count)

    def waiting(self, queue):
        """How many messages are in a queue, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        response = self.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
        return sum(int(response["Attributes"][name]) for name in names)

    def settle(self, seconds=30):
        """Wait until the queue has nothing left to give."""
        deadline = time.monotonic() + seconds
        while self.waiting(self.queue):
            assert time.monotonic() < deadline, "the queue does not get empty"
            time.sleep(0.1)

    def comes_back_soon(self):
        """What fails is not to keep a test waiting for six minutes."""
        self.aws.client("sqs").set_queue_attributes(QueueUrl=self.queue, Attributes={"VisibilityTimeout": "1"})

    def log(self):
        logs = self.aws.client("logs")
        configuration = self.aws.client("lambda").get_function_configuration(FunctionName=self.function)
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=configuration["LoggingConfig"]["LogGroup"])
        return "\n".join(event["message"] for page in pages for event in page["events"])

    def items(self):
        return self.aws.client("dynamodb").scan(TableName=self.ledger)["Items"]


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
    described = aws.client("cloudformation").describe_stacks(StackName="s3-link-mailer")["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
    mailing = Mailing(
        aws,
        bucket=outputs["FilesBucketName"],
        function=outputs["LinkMailerName"],
        queue=outputs["MailQueueUrl"],
        dead_letters=outputs["MailDeadLettersUrl"],
        ledger=outputs["MailLedgerName"],
    )
    mailing.comes_back_soon()
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
]


@pytest.mark.parametrize("name", HARD_NAMES, ids=lambda name: name[:20].encode("unicode_escape").decode())
def test_whoever_a_file_names_gets_a_mail_whose_link_downloads_it(mailing, name):
    content = uuid.uuid4().bytes * 100
    before = datetime.now(timezone.utc)
    [mail] = mailing.mails_to(mailing.put(PREFIX + name, content))

    assert mail.sender == SENDER
    assert mail.message["From"].addresses[0].display_name == "Müller und Söhne"
    assert mail.message.get_content_type() == "multipart/alternative"
    assert max(len(line) for line in mail.raw.split(b"\r\n")) <= 76
    shown = name.rsplit("/", 1)[-1].replace("\u202e", "\ufffd")
    # Of a long name the middle is left out.
    assert (shown if len(shown) <= 160 else shown[-53:]) in mail.text
    assert "1.6 kB" in mail.text and "1.6 kB" in mail.html

    assert mail.link == mail.button
    response = api_client.send("GET", mail.link)
    assert (response.status, response.body) == (200, content)

    # The end that is stated is the end that is signed, and it is after what is said to be left.
    query = parse_qs(urlsplit(mail.link).query)
    # The local S3 does not send it; that it is signed is what we can do.
    assert query["response-content-disposition"][0].startswith("attachment")
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    end = signed_at + timedelta(seconds=int(query["X-Amz-Expires"][0]))
    stated = re.search(r"This link works until (.*)\s+\((\d+) minutes from when this was sent\)", mail.text)
    assert stated[1] == f"{end:%A} {end.day} {end:%B %Y, %H:%M} UTC"
    assert f'<time datetime="{end:%Y-%m-%dT%H:%M:%SZ}">{stated[1]}</time>' in mail.html
    assert before - timedelta(seconds=1) <= signed_at <= datetime.now(timezone.utc)
    # The local AWS's minted session lasts an hour, which less the margin is no hour.
    assert stated[2] == "59"


def test_each_recipient_has_a_link_of_their_own_and_who_may_not_have_mail_has_none(mailing):
    one, two = (f"{uuid.uuid4()}@example.com" for _ in range(2))
    mailing.put(f"{PREFIX}for two.txt", b"x", link_to=f"{one}, eve-{uuid.uuid4()}@evil.test,{two}")
    links = [mailing.mails_to(recipient)[0].link for recipient in (one, two)]
    ids = {parse_qs(urlsplit(link).query)["x-link-id"][0] for link in links}
    assert len(ids) == 2
    mailing.settle()
    assert not [mail for mail in inbox.mails(mailing.aws) if "evil" in mail.recipients[0]]


def test_a_file_that_names_nobody_is_mailed_to_whom_the_operator_names(mailing):
    content = uuid.uuid4().bytes
    mailing.aws.client("s3").put_object(Bucket=mailing.bucket, Key=f"{PREFIX}for all.txt", Body=content)
    [mail] = mailing.mails_to("everyone@example.com")
    assert api_client.send("GET", mail.link).body == content


def notification(mailing, key):
    """What S3 said when this file was put, as the queue would deliver it once more."""
    head = mailing.aws.client("s3").head_object(Bucket=mailing.bucket, Key=key)
    item = next(item for item in mailing.items() if item["key"]["S"] == key)
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": mailing.bucket},
            "object": {"key": key, "versionId": head["VersionId"], "sequencer": item["sequencer"]["S"]},
        },
    }
    return json.dumps({"Records": [record]})


def test_the_same_event_ten_times_mails_once(mailing):
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"once")
    mailing.mails_to(recipient)
    again = notification(mailing, key)
    entries = [{"Id": str(index), "MessageBody": again} for index in range(10)]
    mailing.aws.client("sqs").send_message_batch(QueueUrl=mailing.queue, Entries=entries)
    mailing.settle()
    assert len(mailing.mails_to(recipient)) == 1


def test_a_mail_that_was_begun_and_never_sent_goes_out_once_when_its_lease_is_over(mailing):
    """The ledger is put into the state that a function leaves which dies between claim and send."""
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"begun")
    [first] = mailing.mails_to(recipient)
    again = notification(mailing, key)
    [item] = [item for item in mailing.items() if item["recipient"]["S"] == recipient]
    dynamodb = mailing.aws.client("dynamodb")
    begun = {**item, "lease_ends_at": {"N": str(int(time.time()) + 300)}}
    for name in ("sent_at", "message_id", "link_id"):
        del begun[name]
    dynamodb.put_item(TableName=mailing.ledger, Item=begun)

    mailing.aws.client("sqs").send_message(QueueUrl=mailing.queue, MessageBody=again)
    time.sleep(3)
    assert mailing.waiting(mailing.queue) == 1
    assert [mail.message_id for mail in mailing.mails_to(recipient)] == [first.message_id]

    begun["lease_ends_at"] = {"N": str(int(time.time()))}
    dynamodb.put_item(TableName=mailing.ledger, Item=begun)
    mailing.mails_to(recipient, count=2)
    mailing.settle()
    assert len(mailing.mails_to(recipient)) == 2


def test_what_is_written_down_is_who_got_what_and_when_it_is_forgotten(mailing):
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"written")
    [mail] = mailing.mails_to(recipient)
    mailing.settle()
    [item] = [item for item in mailing.items() if item["recipient"]["S"] == recipient]
    assert item["message_id"]["S"] == mail.message_id
    assert item["link_id"]["S"] == parse_qs(urlsplit(mail.link).query)["x-link-id"][0]
    days = (int(item["forget_at"]["N"]) - time.time()) / 86400
    assert 29.9 < days <= 30
    assert "lease_ends_at" not in item


def test_a_file_that_is_gone_again_is_done_with(mailing):
    key = f"{PREFIX}{uuid.uuid4()}.txt"
    recipient = mailing.put(key, b"gone")
    mailing.mails_to(recipient)
    late = json.loads(notification(mailing, key))
    late["Records"][0]["s3"]["object"]["sequencer"] = "00"
    mailing.aws.client("s3").delete_object(Bucket=mailing.bucket, Key=key)
    mailing.aws.client("sqs").send_message(QueueUrl=mailing.queue, MessageBody=json.dumps(late))
    mailing.settle()
    assert len(mailing.mails_to(recipient)) == 1


def test_outside_the_prefix_and_folder_markers_mail_nothing(mailing):
    elsewhere = mailing.put("elsewhere/a.txt", b"x")
    marker = mailing.put(f"{PREFIX}new folder/", b"")
    mailing.settle()
    assert not [mail for mail in inbox.mails(mailing.aws) if mail.recipients[0] in (elsewhere, marker)]


def test_a_message_that_nobody_understands_ends_among_the_dead_letters_as_it_came(mailing):
    sqs = mailing.aws.client("sqs")
    # Twelve tries at one a second.
    sqs.send_message(QueueUrl=mailing.queue, MessageBody="Test message.")
    deadline = time.monotonic() + 60
    while not mailing.waiting(mailing.dead_letters):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    [message] = sqs.receive_message(QueueUrl=mailing.dead_letters)["Messages"]
    assert message["Body"] == "Test message."
    sqs.delete_message(QueueUrl=mailing.dead_letters, ReceiptHandle=message["ReceiptHandle"])
    assert "message not understood" in mailing.log()


def redrive(mailing):
    """What `aws sqs start-message-move-task` does, which the local AWS does not know."""
    sqs = mailing.aws.client("sqs")
    for message in sqs.receive_message(QueueUrl=mailing.dead_letters, MaxNumberOfMessages=10)["Messages"]:
        sqs.send_message(QueueUrl=mailing.queue, MessageBody=message["Body"])
        sqs.delete_message(QueueUrl=mailing.dead_letters, ReceiptHandle=message["ReceiptHandle"])


def test_what_ses_refuses_is_kept_and_goes_out_once_it_is_mended_and_redriven(mailing):
    ses = mailing.aws.client("sesv2")
    ses.delete_email_identity(EmailIdentity=SENDER)
    try:
        key = f"{PREFIX}{uuid.uuid4()}.txt"
        recipient = mailing.put(key, b"refused")
        deadline = time.monotonic() + 60
        while not mailing.waiting(mailing.dead_letters):
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        ses.create_email_identity(EmailIdentity=SENDER)
    assert "SES refuses it (MessageRejected: Email address is not verified." in mailing.log()
    redrive(mailing)
    [mail] = mailing.mails_to(recipient)
    assert api_client.send("GET", mail.link).body == b"refused"


def test_the_queue_takes_only_what_this_bucket_of_this_account_says(mailing):
    response = mailing.aws.client("sqs").get_queue_attributes(QueueUrl=mailing.queue, AttributeNames=["All"])
    [statement] = json.loads(response["Attributes"]["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Condition"] == {
        "ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{mailing.bucket}"},
        "StringEquals": {"aws:SourceAccount": response["Attributes"]["QueueArn"].split(":")[4]},
    }


def test_both_queues_are_encrypted_and_the_ledger_costs_nothing_at_rest(mailing):
    for queue in (mailing.queue, mailing.dead_letters):
        response = mailing.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["SqsManagedSseEnabled"])
        assert response["Attributes"]["SqsManagedSseEnabled"] == "true"
    table = mailing.aws.client("dynamodb").describe_table(TableName=mailing.ledger)["Table"]
    # That it is encrypted too stands in the template; the local AWS does not repeat it.
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_without_a_sender_none_of_it_exists(aws, stack):
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.stack)
    names = [resource["LogicalResourceId"] for page in pages for resource in page["StackResourceSummaries"]]
    assert "LinkSigner" in names and "FilesBucket" in names
    assert not [name for name in names if "Mail" in name]
    notifications = aws.client("s3").get_bucket_notification_configuration(Bucket=stack.bucket)
    assert "QueueConfigurations" not in notifications


def test_the_log_has_a_line_for_each_mail_and_nothing_one_could_open_or_write_to(mailing):
    """Of all the tests in this file so far."""
    recipient = mailing.put(f"{PREFIX}logged.txt", b"x")
    [mail] = mailing.mails_to(recipient)
    mailing.settle()
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
