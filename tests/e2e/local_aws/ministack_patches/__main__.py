"""Runs ministack with two patches where it differs from AWS's documentation.

`emulator` starts this script, with the Python of ministack's virtual environment.

1. AWS is called over TLS. The tests use plain HTTP on 127.0.0.1, and the template's bucket refuses requests
   without TLS. So every request counts as TLS, unless it has the header `X-Forwarded-Proto: http`.
2. SES checks permissions on the sender's identity, with the condition key `ses:FromAddress`, and requires
   `ses:SendRawEmail` for a mail in raw MIME. ministack checks `ses:SendEmail` on `*` without that key. It also
   parses a raw mail and does not keep it. The patch stores each mail in the directory `inbox`: the raw mail
   (`.eml`), and its sender, its recipients and its id (`.json`).

The patches replace internal functions, so they need the pinned version of ministack.
"""

import base64
import contextvars
import json
import os
import pathlib
import signal
import threading
import time


def count_requests_as_tls():
    """Patch 1."""
    from ministack import app as server

    original = server.app

    async def over_tls(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "scheme": "https"}
        await original(scope, receive, send)

    server.app = over_tls


def check_ses_by_sender_and_store_mails():
    """Patch 2."""
    from ministack import app as server
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import ses_v2

    sender = contextvars.ContextVar("sender", default=None)
    original_condition_key = iam_evaluator._resolve_condition_key
    original_resource_arn = iam_actions._ses_v2_resource_arn
    original_enforce = server._enforce_ses_v2
    original_extract_action = iam_actions.extract_iam_action
    original_handle_request = ses_v2.handle_request

    def is_sending(method, path):
        return method == "POST" and path.rstrip("/") == "/v2/email/outbound-emails"

    def condition_key(name, context):
        if name.lower() == "ses:fromaddress" and sender.get():
            return sender.get()
        return original_condition_key(name, context)

    def resource_arn(method, path, body, region, account):
        if is_sending(method, path):
            return f"arn:aws:ses:{region}:{account}:identity/{json.loads(body)['FromEmailAddress']}"
        return original_resource_arn(method, path, body, region, account)

    def enforce(method, path, headers, body, query, request_id):
        if not is_sending(method, path):
            return original_enforce(method, path, headers, body, query, request_id)
        mail = json.loads(body)
        actions = ["ses:SendRawEmail", "ses:SendEmail"] if "Raw" in mail["Content"] else ["ses:SendEmail"]
        token = sender.set(mail["FromEmailAddress"])
        try:
            for action in actions:
                iam_actions.extract_iam_action = lambda *_, action=action: action
                denied = original_enforce(method, path, headers, body, query, request_id)
                if denied:
                    return denied
            return None
        finally:
            iam_actions.extract_iam_action = original_extract_action
            sender.reset(token)

    async def handle_request(method, path, headers, body, query):
        result = await original_handle_request(method, path, headers, body, query)
        if is_sending(method, path) and result[0] == 200:
            store(json.loads(body), json.loads(result[2])["MessageId"])
        return result

    def store(mail, message_id):
        inbox = pathlib.Path(os.environ["TMPDIR"]) / "inbox"
        inbox.mkdir(exist_ok=True)
        envelope = {"from": mail["FromEmailAddress"], "to": mail["Destination"]["ToAddresses"], "message_id": message_id}
        (inbox / f"{message_id}.json").write_text(json.dumps(envelope), encoding="utf-8")
        # The rename comes last, so a reader never sees a part of a mail.
        part = inbox / f"{message_id}.part"
        part.write_bytes(base64.b64decode(mail["Content"]["Raw"]["Data"]))
        part.rename(inbox / f"{message_id}.eml")

    iam_evaluator._resolve_condition_key = condition_key
    iam_actions._ses_v2_resource_arn = resource_arn
    server._enforce_ses_v2 = enforce
    ses_v2.handle_request = handle_request


def end_with_parent():
    """Stop when the parent process has ended, even if it was killed and could not stop this process."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    from ministack.app import main

    end_with_parent()
    count_requests_as_tls()
    check_ses_by_sender_and_store_mails()
    main()
