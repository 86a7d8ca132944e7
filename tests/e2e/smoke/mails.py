"""The steps about mails, if the stack has a sender: SES's view of the account, one mail, and no dead letters."""

import time

from botocore.exceptions import ClientError

from . import links
from .report import Failed, Skipped


def check(stack, report, recipient):
    with report.step("SES knows the sender") as seen:
        if not mails(stack):
            raise Skipped("MailFrom is empty, so nothing is mailed")
        account(stack, seen)
    with report.step("a mail about a file is sent") as seen:
        if not mails(stack):
            raise Skipped("MailFrom is empty, so nothing is mailed")
        if not recipient:
            raise Skipped("say to whom: make smoke STACK=… MAIL_TO=you@example.com")
        send(stack, recipient, seen)
    with report.step("there are no dead letters") as seen:
        if not mails(stack):
            raise Skipped("MailFrom is empty, so nothing is mailed")
        dead = count(stack, stack.outputs["MailDeadLettersUrl"])
        seen.append(str(dead))
        if dead:
            raise Failed(f"{dead}; the mailing function's log says why, docs/operations.md how to redrive them")


def mails(stack):
    return "MailQueueUrl" in stack.outputs


def account(stack, seen):
    region = stack.parameters.get("MailRegion") or stack.session.region_name
    ses, sender = stack.client("sesv2", region), stack.parameters["MailFrom"]
    try:
        sending = ses.get_account()
        quota = sending.get("SendQuota", {})
        sandbox = "" if sending.get("ProductionAccessEnabled") else ", in the sandbox: verify each recipient too"
        seen.append(f"{quota.get('MaxSendRate', '?')} mails/s, {quota.get('Max24HourSend', '?')} a day{sandbox}")
    except ClientError as error:
        raise Skipped(f"you may not ask SES ({error.response['Error']['Code']})") from error
    domain = sender.rpartition("@")[2].split(".")
    parents = [".".join(domain[start:]) for start in range(len(domain) - 1)]
    for identity in [sender, *parents]:
        try:
            if ses.get_email_identity(EmailIdentity=identity)["VerifiedForSendingStatus"]:
                seen.append(f"{identity} is verified")
                return
        except ClientError as error:
            if error.response["Error"]["Code"] != "NotFoundException":
                raise
    raise Failed(f"neither {sender} nor its domain is verified in {region}")


def count(stack, queue):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    response = stack.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)
    return sum(int(response["Attributes"][name]) for name in names)


def send(stack, recipient, seen):
    s3, bucket = stack.client("s3"), stack.outputs["FilesBucketName"]
    key = links.new_key(stack)
    s3.put_object(Bucket=bucket, Key=key, Body=links.CONTENT, Metadata={"link-to": recipient})
    try:
        item = wait_for_item(stack, key)
    except Failed:
        links.remove(s3, bucket, key)
        raise
    # The file stays: the link in the mail is to be opened.
    seen.append(f"SES took it as {item['message_id']['S']}; open it. Its file is {key}")


def wait_for_item(stack, key):
    """The ledger's item about the mail, once it says that SES accepted it."""
    table, deadline = stack.client("dynamodb"), time.monotonic() + 90
    while True:
        pages = table.get_paginator("scan").paginate(
            TableName=stack.outputs["MailLedgerName"],
            FilterExpression="#key = :key",
            ExpressionAttributeNames={"#key": "key"},
            ExpressionAttributeValues={":key": {"S": key}},
        )
        for page in pages:
            for item in page["Items"]:
                if "message_id" in item:
                    return item
        if time.monotonic() > deadline:
            raise Failed(
                "SES took no mail within 90 s. The mailing function's log says why; does MailAllowedRecipients allow "
                "the address, and is it verified if the account is in SES's sandbox?"
            )
        time.sleep(2)
