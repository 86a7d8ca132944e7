"""The doctor in the demo: what it says of a good file, of one under a guardrail, and of one that is missing."""

import contextlib
import json
import textwrap

from . import commands

GUARDED_KEY = "private-files/guarded.txt"
MISSING_KEY = "private-files/missing.txt"

# In milliseconds. AWS refuses links to GUARDED_KEY that are older. The local AWS does not know the condition key.
GUARDRAIL_AGE = 600_000

# The outcomes of the checks that are shown, besides whether the file opens and how long a link works.
TELLING = ("limits", "refuses", "depends")

ABOUT_TLS = '("OnlyOverTls" refuses nobody at AWS, whose links are https. Links to the local AWS are not.)'


def ask(aws, deployment, key, **question):
    """The doctor's answer, as `aws lambda invoke` prints it."""
    payload = json.dumps({"doctor": {"key": key, **question}})
    response = aws.client("lambda").invoke(FunctionName=deployment.function, Payload=payload)
    answer = json.loads(response["Payload"].read())
    if "verdict" not in answer:
        raise commands.Failure(f"the doctor did not answer: {answer}")
    return answer


@contextlib.contextmanager
def guardrail(aws, deployment, key=GUARDED_KEY):
    """Has the bucket's policy refuse links to a file from an age on, until the `with` block ends."""
    s3 = aws.client("s3")
    before = s3.get_bucket_policy(Bucket=deployment.bucket)["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {
            "Sid": "NoOldLinks",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{deployment.bucket}/{key}",
            "Condition": {"NumericGreaterThan": {"s3:signatureAge": str(GUARDRAIL_AGE)}},
        }
    )
    s3.put_bucket_policy(Bucket=deployment.bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=deployment.bucket, Policy=before)


def as_text(answer):
    """A few lines of an answer: the verdict, whether the file opens, what else tells, and the window."""
    telling = [
        check
        for check in answer["checks"]
        if check["check"] in ("object", "window") or check["outcome"] in TELLING
    ]
    lines = [f"{answer['key']}: {answer['verdict']}"]
    for check in telling:
        lines += textwrap.wrap(
            f"{check['outcome']:<8} {check['check']:<14} {check['sentence']}",
            width=120,
            initial_indent="  ",
            subsequent_indent=" " * 26,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
