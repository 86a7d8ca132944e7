"""A stack on a bucket that was there before it, with a folder for each caller, and with mails.

The local AWS has no issuer of tokens, so the callers' events are given to the function as the gateway would give them.
"""

import contextlib
import json
import re
import time
import uuid
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from local_aws import api_client, dashboard, deploying, existing, inbox, metrics, paths

BUCKET = "the-files-of-the-company"
OTHER_BUCKET = "other-files-of-the-company"
SENDER = "existing@example.com"
JWT_EVENT = json.loads((paths.ROOT / "events" / "http-api" / "post-links-jwt.json").read_text(encoding="utf-8"))
OPERATIONS = paths.ROOT / "docs" / "operations.md"
BEFORE = ("users/alice/before the stack.txt", b"It was there before the stack.")


@dataclass(frozen=True)
class Existing:
    """The stack, and the bucket's settings before it was deployed."""

    aws: object
    deployment: deploying.Deployment
    outputs: dict
    settings_before: dict

    def put(self, key, content, bucket=BUCKET):
        """Put a file for a new recipient. Returns the recipient."""
        recipient = f"{uuid.uuid4()}@example.com"
        self.aws.client("s3").put_object(Bucket=bucket, Key=key, Body=content, Metadata={"link-to": recipient})
        return recipient

    def mails_to(self, recipient):
        return inbox.wait_for(self.aws, lambda mail: mail.recipients == [recipient])

    def ask_as(self, name, key):
        """Ask for a link as the gateway passes on a caller with a token."""
        context = {**JWT_EVENT["requestContext"], "authorizer": {"jwt": {"claims": {"sub": name}, "scopes": None}}}
        event = {**JWT_EVENT, "requestContext": context, "body": json.dumps({"key": key})}
        response = self.aws.client("lambda").invoke(
            FunctionName=self.deployment.function, Payload=json.dumps(event).encode()
        )
        answer = json.loads(response["Payload"].read())
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture(scope="module")
def here(aws):
    for bucket in (BUCKET, OTHER_BUCKET):
        existing.create_bucket(aws, bucket)
    aws.client("s3").put_object(Bucket=BUCKET, Key=BEFORE[0], Body=BEFORE[1])
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    before = existing.settings(aws, BUCKET)
    deployment = deploying.deploy(
        aws,
        stack="existing",
        ExistingBucketName=BUCKET,
        FilesPrefix="users/{principal}/",
        MailFrom=SENDER,
        MailAllowedRecipients="*@example.com",
    )
    return Existing(aws, deployment, deploying.stack_outputs(aws, "existing"), before)


def test_the_stack_makes_no_bucket_and_changes_nothing_about_this_one(aws, here):
    assert here.outputs["FilesBucketName"] == BUCKET
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="existing")
    types = {resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]}
    assert "AWS::Events::Rule" in types
    assert not [name for name in types if name.startswith("AWS::S3::")]
    assert here.settings_before["policy"] and here.settings_before["lifecycle"]
    assert existing.settings(aws, BUCKET) == here.settings_before


def test_a_file_that_was_there_before_the_stack_opens_through_a_link(here):
    status, link = here.ask_as("alice", BEFORE[0])
    assert (status, link["bucket"], link["bucket_policy"]) == (200, BUCKET, "heeded"), link
    response = api_client.send("GET", link["url"])
    assert (response.status, response.body) == (200, BEFORE[1])


@pytest.mark.parametrize(("name", "key"), [("bob", BEFORE[0]), ("alice", "users/bob/a.txt"), ("users", BEFORE[0])])
def test_the_folder_of_another_caller_is_not_granted(here, name, key):
    assert here.ask_as(name, key)[0] == 403


def test_the_roles_may_read_folders_of_callers_and_nothing_beside_them(aws, here):
    s3 = aws.client("s3")
    session = aws.client("sts").assume_role(RoleArn=here.deployment.role_arn, RoleSessionName="test")["Credentials"]
    signer = aws.client("s3", session)
    for key, readable in [("users/bob/a.txt", True), ("users/a.txt", False), ("elsewhere/users/bob/a.txt", False)]:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        if readable:
            assert signer.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"x"
        else:
            with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
                signer.get_object(Bucket=BUCKET, Key=key)


def test_a_new_file_is_mailed_by_way_of_eventbridge(aws, here):
    content = uuid.uuid4().bytes
    recipient = here.put("users/alice/a+b c.txt", content)
    [mail] = here.mails_to(recipient)
    response = api_client.send("GET", mail.link)
    assert (response.status, response.body) == (200, content)
    # The event named the version, so a later upload does not change what the mail's link opens.
    here.put("users/alice/a+b c.txt", b"newer")
    assert parse_qs(urlsplit(mail.link).query)["versionId"]
    assert api_client.send("GET", mail.link).body == content


def test_files_elsewhere_and_in_other_buckets_are_not_mailed(aws, here):
    silent = [
        here.put("elsewhere/a.txt", b"x"),
        here.put("users", b"x"),
        here.put("users/alice/a.txt", b"x", bucket=OTHER_BUCKET),
    ]
    # This event comes after theirs.
    here.mails_to(here.put("users/alice/last.txt", b"x"))
    assert not [mail for mail in inbox.mails(aws) if mail.recipients[0] in silent]
    log = mailer_log(aws, here)
    assert "last.txt" in log
    assert "elsewhere/a.txt" not in log and OTHER_BUCKET not in log


def test_another_rule_of_the_account_can_not_write_to_the_queue(aws, here):
    events = aws.client("events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [OTHER_BUCKET]}}}
    queue = aws.client("sqs").get_queue_attributes(
        QueueUrl=here.outputs["MailQueueUrl"], AttributeNames=["QueueArn", "Policy"]
    )["Attributes"]
    [statement] = json.loads(queue["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert all(rule.startswith("arn:aws:events:") for rule in statement["Condition"]["ArnLike"]["aws:SourceArn"])
    events.put_rule(Name="another", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="another", Targets=[{"Id": "queue", "Arn": queue["QueueArn"]}])
    try:
        here.put("users/alice/by another rule.txt", b"x", bucket=OTHER_BUCKET)
        here.mails_to(here.put("users/alice/by the rule.txt", b"x"))
    finally:
        events.remove_targets(Rule="another", Ids=["queue"])
        events.delete_rule(Name="another")
    log = mailer_log(aws, here)
    assert "by the rule.txt" in log and "by another rule.txt" not in log


@contextlib.contextmanager
def shut(aws, *queues):
    """Nobody may send to these queues until the `with` block ends."""
    sqs = aws.client("sqs")
    before = {queue: sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["Policy"])["Attributes"] for queue in queues}
    for queue, attributes in before.items():
        policy = attributes["Policy"].replace('"Allow"', '"Deny"')
        assert policy != attributes["Policy"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    try:
        yield
    finally:
        for queue, attributes in before.items():
            sqs.set_queue_attributes(QueueUrl=queue, Attributes=attributes)


def test_an_event_that_the_queue_refuses_becomes_a_dead_letter_that_is_mailed_once_it_is_redriven(aws, here):
    sqs, dead_letters = aws.client("sqs"), here.outputs["MailDeadLettersUrl"]
    with shut(aws, here.outputs["MailQueueUrl"]):
        recipient = here.put("users/alice/refused.txt", b"refused at first")
        deadline = time.monotonic() + 30
        while not (messages := sqs.receive_message(QueueUrl=dead_letters).get("Messages")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
    [message] = messages
    # The local AWS has no `start-message-move-task`.
    sqs.send_message(QueueUrl=here.outputs["MailQueueUrl"], MessageBody=message["Body"])
    sqs.delete_message(QueueUrl=dead_letters, ReceiptHandle=message["ReceiptHandle"])
    [mail] = here.mails_to(recipient)
    assert api_client.send("GET", mail.link).body == b"refused at first"


def test_an_event_that_is_lost_is_an_alarm(aws, here):
    lost = metrics.alarms(aws, "existing")["NewFilesAreLost"]
    assert not metrics.goes_off(aws, lost)
    with shut(aws, here.outputs["MailQueueUrl"], here.outputs["MailDeadLettersUrl"]):
        here.put("users/alice/lost.txt", b"x")
        deadline = time.monotonic() + 30
        while not metrics.goes_off(aws, lost):
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_the_documented_command_names_both_queues(here):
    [command] = re.findall(r"^aws sqs start-message-move-task (.*)$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE)
    options = dict(re.findall(r'--(\w+)-arn "\$\(output (\w+)\)"', command))
    # EventBridge's dead letters say nothing of a queue that they came from.
    assert options == {"source": "MailDeadLettersArn", "destination": "MailQueueArn"}
    assert here.outputs.keys() >= set(options.values())


def test_the_dashboard_shows_mails(aws, here):
    here.mails_to(here.put("users/alice/counted.txt", b"x"))
    mailer = here.outputs["LinkMailerName"]
    shown = {metric[:2] for metric in dashboard.metrics(dashboard.widgets(aws, "existing")) if metric[2] == mailer}
    own = {metric for namespace, metric in shown if namespace == "S3LinkSigner"}
    assert own == {"MailsSent", "MailsFailed"}
    assert metrics.total(aws, "MailsSent", mailer)


def mailer_log(aws, here):
    configuration = aws.client("lambda").get_function_configuration(FunctionName=here.outputs["LinkMailerName"])
    group = configuration["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in pages for event in page["events"])
