"""Runs ministack with three corrections, where AWS documents otherwise. Started by `emulator`, in ministack's venv.

1. For a role's session `aws:PrincipalArn` is the ARN of the role, path included. ministack has the
   session's ARN, and a trust policy that admits by path could admit nobody.
2. AWS is reached over TLS. Here plain HTTP on 127.0.0.1 stands for it, or a bucket that refuses
   plain HTTP would refuse everything. A request with `X-Forwarded-Proto: http` counts as plain.
3. SES checks permissions on the sender's identity, with the condition key `ses:FromAddress`, and asks
   for `ses:SendRawEmail` when a mail is given as raw MIME. ministack checks `ses:SendEmail` on `*`
   without the key, and takes a raw mail apart instead of keeping it: here each mail is also laid into
   the directory `inbox`, as it came (`.eml`) and with whom it was for (`.json`).

It changes nothing else, and needs the pinned version: both are its inner parts.
"""

import base64
import contextvars
import json
import os
import pathlib
import signal
import threading
import time


def principal_arn_is_the_roles():
    """Correction 1."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    emulated = iam_evaluator._resolve_condition_key

    def documented(key, context):
        if key.lower() == "aws:principalarn" and context.principal_type == "AssumedRole":
            name = iam_evaluator._role_name_from_assumed_arn(context.principal_arn)
            role = iam._roles.get_scoped(context.principal_account, None, name)
            if role is not None:
                return role["Arn"]
        return emulated(key, context)

    iam_evaluator._resolve_condition_key = documented


def loopback_counts_as_tls():
    """Correction 2."""
    from ministack import app as server

    emulated = server.app

    async def over_tls(scope, receive, send):
        if scope["type"] == "http":
            scope = {**scope, "scheme": "https"}
        await emulated(scope, receive, send)

    server.app = over_tls


def ses_is_about_senders():
    """Correction 3."""
    from ministack import app as server
    from ministack.core import iam_actions, iam_evaluator
    from ministack.services import ses_v2

    sender = contextvars.ContextVar("sender", default=None)
    emulated_key = iam_evaluator._resolve_condition_key
    emulated_arn = iam_actions._ses_v2_resource_arn
    emulated_check = server._enforce_ses_v2
    emulated_action = iam_actions.extract_iam_action
    emulated_answer = ses_v2.handle_request

    def is_sending(method, path):
        return method == "POST" and path.rstrip("/") == "/v2/email/outbound-emails"

    def key(name, context):
        if name.lower() == "ses:fromaddress" and sender.get():
            return sender.get()
        return emulated_key(name, context)

    def arn(method, path, body, region, account):
        if is_sending(method, path):
            return f"arn:aws:ses:{region}:{account}:identity/{json.loads(body)['FromEmailAddress']}"
        return emulated_arn(method, path, body, region, account)

    def check(method, path, headers, body, query, request_id):
        if not is_sending(method, path):
            return emulated_check(method, path, headers, body, query, request_id)
        mail = json.loads(body)
        actions = ["ses:SendRawEmail", "ses:SendEmail"] if "Raw" in mail["Content"] else ["ses:SendEmail"]
        token = sender.set(mail["FromEmailAddress"])
        try:
            for action in actions:
                iam_actions.extract_iam_action = lambda *_, action=action: action
                denied = emulated_check(method, path, headers, body, query, request_id)
                if denied:
                    return denied
            return None
        finally:
            iam_actions.extract_iam_action = emulated_action
            sender.reset(token)

    async def response(method, path, headers, body, query):
        given = await emulated_answer(method, path, headers, body, query)
        if is_sending(method, path) and given[0] == 200:
            keep(json.loads(body), json.loads(given[2])["MessageId"])
        return given

    def keep(mail, message_id):
        inbox = pathlib.Path(os.environ["TMPDIR"]) / "inbox"
        inbox.mkdir(exist_ok=True)
        envelope = {"from": mail["FromEmailAddress"], "to": mail["Destination"]["ToAddresses"], "message_id": message_id}
        (inbox / f"{message_id}.json").write_text(json.dumps(envelope), encoding="utf-8")
        # Last, under its name: whoever sees a mail sees all of it.
        part = inbox / f"{message_id}.part"
        part.write_bytes(base64.b64decode(mail["Content"]["Raw"]["Data"]))
        part.rename(inbox / f"{message_id}.eml")

    iam_evaluator._resolve_condition_key = key
    iam_actions._ses_v2_resource_arn = arn
    server._enforce_ses_v2 = check
    ses_v2.handle_request = response


def end_with_parent():
    """Stop when whoever started us is gone, however it went: nobody else would stop us."""
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    from ministack.app import main

    end_with_parent()
    principal_arn_is_the_roles()
    loopback_counts_as_tls()
    ses_is_about_senders()
    main()
