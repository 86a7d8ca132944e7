"""Runs ministack with two corrections, where AWS documents otherwise. Started by `emulator`, in ministack's venv.

1. For a role's session `aws:PrincipalArn` is the ARN of the role, path included. ministack has the
   session's ARN, and a trust policy that admits by path could admit nobody.
2. AWS is reached over TLS. Here plain HTTP on 127.0.0.1 stands for it, or a bucket that refuses
   plain HTTP would refuse everything. A request with `X-Forwarded-Proto: http` counts as plain.

It changes nothing else, and needs the pinned version: both are its inner parts.
"""

import os
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
    main()
