"""The alarms about mails, with SQS's metrics as its guide describes them, in a world whose time runs 120 times faster.

The queue's visibility time-out is three seconds instead of six minutes, and all periods are as much shorter.
"""

import contextlib
import time
import uuid

import pytest
from local_aws import deploying, metrics

FASTER = 120
SENDER = "alarmed@example.com"


@pytest.fixture(scope="module")
def outputs(aws):
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    deploying.deploy(aws, stack="alarmed", MailFrom=SENDER, MailAllowedRecipients="*@example.com")
    outputs = deploying.stack_outputs(aws, "alarmed")
    aws.client("sqs").set_queue_attributes(
        QueueUrl=outputs["MailQueueUrl"], Attributes={"VisibilityTimeout": str(360 // FASTER)}
    )
    return outputs


@contextlib.contextmanager
def without_a_verified_sender(aws):
    aws.client("sesv2").delete_email_identity(EmailIdentity=SENDER)
    try:
        yield
    finally:
        aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)


def put(aws, outputs):
    key = f"private-files/{uuid.uuid4()}"
    metadata = {"link-to": "reader@example.com"}
    aws.client("s3").put_object(Bucket=outputs["FilesBucketName"], Key=key, Body=b"x", Metadata=metadata)


def gone_off(aws, outputs, seconds):
    """Measure the queues for some seconds. Returns the names of the alarms that went off."""
    started, names = time.time(), set()
    while time.time() < started + seconds:
        for queue in (outputs["MailQueueUrl"], outputs["MailDeadLettersUrl"]):
            aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        alarms = metrics.alarms(aws, "alarmed")
        names |= {name for name, alarm in alarms.items() if metrics.goes_off(aws, alarm, FASTER, started)}
        time.sleep(0.5)
    return names


def test_a_mail_that_fails_again_and_again_is_an_alarm_long_before_the_dead_letters(aws, outputs):
    with without_a_verified_sender(aws):
        put(aws, outputs)
        # An hour and 20 minutes.
        names = gone_off(aws, outputs, 80 * 60 / FASTER)
    assert names == {"MailsFail"}
    wait_until_empty(aws, outputs)


def test_a_mail_that_fails_once_is_no_alarm(aws, outputs):
    with without_a_verified_sender(aws):
        put(aws, outputs)
        time.sleep(2)
    assert gone_off(aws, outputs, 30 * 60 / FASTER) == set()
    wait_until_empty(aws, outputs)


def test_messages_that_nobody_reads_are_an_alarm(aws, outputs):
    client = aws.client("lambda")
    [mapping] = client.list_event_source_mappings(FunctionName=outputs["LinkMailerName"])["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        put(aws, outputs)
        names = gone_off(aws, outputs, 45 * 60 / FASTER)
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert names == {"MailsAreLate"}


def wait_until_empty(aws, outputs):
    deadline = time.monotonic() + 30
    attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while True:
        response = aws.client("sqs").get_queue_attributes(QueueUrl=outputs["MailQueueUrl"], AttributeNames=attributes)
        if not sum(int(value) for value in response["Attributes"].values()):
            return
        assert time.monotonic() < deadline
        time.sleep(0.2)
