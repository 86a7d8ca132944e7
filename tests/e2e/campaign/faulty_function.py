"""A function with one fault, to show that the campaign sees it. It makes links and mails that look like the real ones.

The first argument is the fault, one of the names in `counters.FAULTS`, or "none". The second one says how many seconds
after the deadline an answer comes that is too late.
"""

import base64
import json
import os
import sys
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from email.message import EmailMessage

from campaign import counters as count


def main(fault, seconds_too_late):
    """Serve events until the process is killed."""
    runtime = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
    invocations = 0
    while True:
        with urllib.request.urlopen(f"{runtime}/next") as event:
            request_id = event.headers["Lambda-Runtime-Aws-Request-Id"]
            deadline = int(event.headers["Lambda-Runtime-Deadline-Ms"]) / 1000
            body = json.load(event)
        invocations += 1
        if fault == count.PANICS:
            sys.exit(101)
        if fault == count.TOO_LATE:
            time.sleep(max(0.0, deadline + seconds_too_late - time.time()))
        if fault == count.SECRETS:
            print(os.environ["AWS_SESSION_TOKEN"], flush=True)
        response = mail(body, fault, invocations) if "Records" in body else links(fault)
        post(f"{runtime}/{request_id}/response", response)


def links(fault):
    """The answer to a request for one link."""
    if fault == count.REFUSED:
        return {"statusCode": 503, "body": json.dumps({"code": "session-unproven", "status": 503})}
    url, expires_at = link("report.pdf", 7 * 86_400 if fault == count.BROKEN else 60)
    session = {"evidence": "attested", "expires_at": expires_at}
    return {"statusCode": 200, "body": json.dumps({"url": url, "expires_at": expires_at, "session": session})}


def link(key, seconds):
    """A link that is not signed, and its end."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    query = (
        f"X-Amz-Credential={os.environ['AWS_ACCESS_KEY_ID']}%2F20261123&X-Amz-Date={now:%Y%m%dT%H%M%SZ}"
        f"&X-Amz-Expires={seconds}&X-Amz-Signature={'0' * 64}"
    )
    return f"https://s3.example.com/files/{key}?{query}", f"{now + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


def mail(batch, fault, invocations):
    """Mail about each message of a batch, and answer it."""
    ids = [message["messageId"] for message in batch["Records"]]
    if fault == count.LATE and invocations == 1:
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in ids]}
    for message in batch["Records"]:
        key = json.loads(message["body"])["Records"][0]["s3"]["object"]["key"]
        head = urllib.request.Request(f"{os.environ['AWS_ENDPOINT_URL_S3']}/files/{key}", method="HEAD")
        with urllib.request.urlopen(head) as found:
            recipients = found.headers["x-amz-meta-link-to"].split(",")
        for recipient in recipients:
            for _ in range({count.LOST: 0, count.DOUBLED: 2}.get(fault, 1)):
                send(key, recipient, 7 * 86_400 if fault == count.BROKEN else 60)
    return {"batchItemFailures": []}


def send(key, recipient, seconds):
    """Send a mail with a link through SES."""
    url, _ = link(key, seconds)
    until = datetime.now(timezone.utc) + timedelta(seconds=seconds - 60)
    message = EmailMessage()
    message.set_content(f"This link works until {until:%A %-d %B %Y, %H:%M} UTC.\n\n{url}\n")
    raw = base64.b64encode(message.as_bytes()).decode()
    addresses = {"FromEmailAddress": "files@example.com", "Destination": {"ToAddresses": [recipient]}}
    body = {**addresses, "Content": {"Raw": {"Data": raw}}}
    post(f"{os.environ['AWS_ENDPOINT_URL_SESV2']}/v2/email/outbound-emails", body)


def post(url, body):
    """POST a JSON body."""
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), method="POST")) as answer:
        answer.read()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
