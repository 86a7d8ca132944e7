"""The function's result for every event about objects in events/, and the mails that it sends.

The Rust tests in tests/function/mail/ cover failures of AWS. The tests in deployed/ cover the text of the mails.
"""

import json
import threading
from datetime import datetime, timedelta, timezone

import pytest
from fake_aws import FakeAws, ledger, mails, orders
from local_lambda import offline, requests, running

GRANTS = [{"bucket": "files", "prefix": "private-files/", "principals": ["s3-event"], "region": "eu-west-1"}]

SUCCESS = None
ALL_SUCCESS = {"batchItemFailures": []}

# The result of the invocation for each file, and the object keys in the mails.
EXPECTED = {
    "s3/object-created-put": (SUCCESS, ["private-files/a+b c.pdf"]),
    "s3/object-created-multipart-upload": (SUCCESS, ["private-files/ü/日本語.txt"]),
    "s3/object-created-percent-signs": (SUCCESS, ["private-files/100%25 sure.txt"]),
    "s3/object-removed-delete": (SUCCESS, []),
    "s3/object-restore-completed": (SUCCESS, []),
    "s3/folder-marker": (SUCCESS, []),
    "s3/test-event": (SUCCESS, []),
    "s3/minio-object-created": (SUCCESS, ["private-files/a+b c.pdf"]),
    # Nothing with these bytes was mailed before.
    "s3/object-created-copy": (SUCCESS, ["private-files/a+b c.pdf"]),
    "s3/empty-object": (SUCCESS, []),
    "s3/unfinished-name": (SUCCESS, []),
    "s3/hadoop-folder-marker": (SUCCESS, []),
    "sns/s3-notification": (SUCCESS, ["private-files/a+b c.pdf"]),
    "sns/eventbridge-object-created": (SUCCESS, ["private-files/a+b c.pdf"]),
    "sns/s3-test-event": (SUCCESS, []),
    "eventbridge-input/object-created-detail": (SUCCESS, ["private-files/a+b c.pdf"]),
    "eventbridge-input/object-deleted-detail": (SUCCESS, []),
    "eventbridge/object-created": (SUCCESS, ["private-files/a+b c.pdf"]),
    "eventbridge/object-created-percent-signs": (SUCCESS, ["private-files/100%25 sure.txt"]),
    "eventbridge/object-deleted": (SUCCESS, []),
    "sqs/s3-notification": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/eventbridge-object-created": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/s3-test-event": (ALL_SUCCESS, []),
    "sqs/sns-s3-notification": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/sns-eventbridge-object-created": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/sns-s3-test-event": (ALL_SUCCESS, []),
    "sqs/sns-raw-delivery-s3-notification": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/sns-raw-delivery-eventbridge-object-created": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/eventbridge-detail": (ALL_SUCCESS, ["private-files/a+b c.pdf"]),
    "sqs/eventbridge-input-transformer": ({"batchItemFailures": [{"itemIdentifier": "059f36b4-87a3-44ab-83d2-661975830a7d"}]}, []),
    "sqs/mixed-with-one-nobody-knows": (
        {"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]},
        ["private-files/a+b c.pdf", "private-files/ü/日本語.txt"],
    ),
}
# What the error of an event that is refused names.
UNKNOWN = {
    "eventbridge/scheduled-event-nobody-asked-for": 'detail-type being "Scheduled Event"',
    "eventbridge/cloudtrail-put-object": "CloudTrail's record of a call",
    "eventbridge-input/cloudtrail-put-object-detail": "CloudTrail's record of a call",
    "eventbridge-input/transformed-object": "take the transformer away",
    "eventbridge-input/transformed-text": "take the transformer away",
}


def mailing(aws, **changes):
    return running.LocalLambda(
        "mailing",
        **offline.environment(
            GRANTS=json.dumps(GRANTS),
            ASSUMED_SESSION_SECONDS=None,
            SIGNING_ROLE_ARN="arn:aws:iam::123456789012:role/mailer",
            AWS_ENDPOINT_URL=aws.url,
            MAIL_FROM="files@example.com",
            MAIL_TO="alice.example@example.com",
            MAIL_ALLOWED_RECIPIENTS="*@example.com",
            MAIL_TABLE="mails",
            **changes,
        ),
    )


@pytest.fixture(scope="module")
def aws(built):
    """Every object exists, at every version, and every role may be assumed."""
    with FakeAws() as aws:
        aws.put_all_objects("files", size=1024, version_id="UYQJ1yRpPVZfcbuQpF0Bq2Ij8z1xJnTa")
        aws.mint_until(datetime.now(timezone.utc) + timedelta(hours=1))
        yield aws


@pytest.fixture(scope="module")
def mailer(built, aws):
    with mailing(aws) as function:
        yield function
        assert "alice.example" not in function.log_text()


@pytest.fixture
def inbox(aws):
    """Returns the mails that SES accepted. At the start of the test there are none, and the ledger is empty."""
    aws.forget_mails()
    aws.delete_items(ledger.TABLE)
    aws.take_calls()
    return aws.mails


def test_every_event_about_objects_is_tested():
    assert sorted([*EXPECTED, *UNKNOWN]) == [name for name in requests.fixtures() if name.startswith(requests.OBJECT_EVENTS)]


@pytest.mark.parametrize("name", EXPECTED)
def test_an_event_about_objects_has_the_result_that_its_source_expects(mailer, inbox, name):
    result, keys = EXPECTED[name]
    assert mailer.invoke(requests.fixture(name)) == result
    assert [mails.key_in(mails.link_in(mail)) for mail in inbox()] == keys


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_event_fails_the_invocation_and_the_error_names_what_was_recognised(mailer, inbox, name):
    error = mailer.invoke(requests.fixture(name))
    assert error["errorType"] == "UnknownEvent"
    assert UNKNOWN[name] in error["errorMessage"]
    assert not inbox()


@pytest.mark.parametrize("name", ["s3/object-created-put", "sqs/s3-notification", "eventbridge/object-created"])
def test_without_a_sender_the_invocation_fails_and_the_error_names_the_setting(built, aws, inbox, name):
    variables = offline.environment(AWS_ENDPOINT_URL_STS=aws.url)
    with running.LocalLambda("mailing-off", **variables) as function:
        error = function.invoke(requests.fixture(name))
    assert error["errorType"] == "MailingIsOff"
    assert "MAIL_FROM" in error["errorMessage"]
    assert not inbox()


def test_if_the_function_is_killed_before_sending_one_mail_is_sent_after_the_lease(built, aws, inbox):
    event = requests.fixture("sqs/s3-notification")
    failed = {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    aws.fail("ses", orders.HANG)
    with mailing(aws) as function:
        invocation = threading.Thread(target=function.invoke, args=[event])
        invocation.start()
        aws.until("SendEmail")
        running.kill(function.process_id())
        invocation.join(20)

    with mailing(aws) as function:
        assert function.invoke(event) == failed
        assert not inbox()
        ledger.end_leases(aws)
        assert function.invoke(event) == ALL_SUCCESS
        assert function.invoke(event) == ALL_SUCCESS
    assert len(inbox()) == 1
