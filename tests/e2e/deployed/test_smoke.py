"""`make smoke`: its report on a stack in the local AWS that works, and on one that does not."""

import os
import subprocess
import sys

import pytest
from local_aws import custom_domain, deploying, inbox, paths
from local_aws.template_text import Template

from smoke.__main__ import Stack, changed, deployed

SENDER = "smoke@example.com"


@pytest.fixture(scope="module")
def smoked(aws):
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    deployed = deploying.deploy(
        aws, stack="smoked", MailFrom=SENDER, MailAllowedRecipients="*@example.com", ShareLinks="yes"
    )
    with custom_domain.CustomDomain() as domain:
        domain.lead_to(aws, deployed)
        yield deployed


def smoke(aws, *arguments):
    """Run it as make does, with the root user's keys. Returns the exit status and the report."""
    done = subprocess.run(
        [sys.executable, "-m", "smoke", *arguments],
        env={**os.environ, **aws.keys(), "PYTHONPATH": str(paths.ROOT / "tests" / "e2e")},
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def outcomes(report):
    return [line.split()[1] for line in report.splitlines() if line[:2].strip().isdigit()]


def test_every_step_is_ok_on_a_stack_that_works(aws, smoked):
    status, report = smoke(aws, "smoked", "--mail-to", "smoke-reader@example.com")
    assert status == 0, report
    assert outcomes(report) == ["ok"] * 13, report
    # Callers sign with IAM, which says who they are.
    assert "everybody" not in report
    # And what is not named in samconfig.toml is kept.
    assert f"MailAllowedRecipients='*@example.com' MailFrom={SENDER} ShareLinks=yes" in report
    assert "MaxExpiresIn" not in report
    [mail] = inbox.wait_for(aws, lambda mail: mail.recipients == ["smoke-reader@example.com"])
    assert mail.message_id in report
    for secret in ("/s/", "X-Amz-Signature", "X-Amz-Security-Token", aws.secret_access_key):
        assert secret not in report
    left = aws.client("s3").list_object_versions(Bucket=smoked.bucket).get("Versions", [])
    assert len(left) == 1, "only the mailed file is left"


def test_without_an_address_no_mail_is_sent(aws, smoked):
    before = len(inbox.mails(aws))
    status, report = smoke(aws, "smoked")
    assert (status, outcomes(report).count("skipped")) == (0, 1), report
    assert len(inbox.mails(aws)) == before


def test_without_shares_none_is_made(aws, stack):
    _, report = smoke(aws, stack.stack)
    assert "skipped a share downloads the file until it is revoked: ShareLinks is no" in report, report


def test_what_is_broken_is_named_and_the_exit_status_says_so(aws, smoked, files):
    s3 = aws.client("s3")
    before = s3.get_bucket_policy(Bucket=smoked.bucket)["Policy"]
    denied = before.replace('"Action": "s3:*"', '"Action": "s3:GetObject"').replace('"false"', '"true"')
    assert denied != before
    s3.put_bucket_policy(Bucket=smoked.bucket, Policy=denied)
    aws.client("sesv2").delete_email_identity(EmailIdentity=SENDER)
    try:
        status, report = smoke(aws, "smoked")
    finally:
        s3.put_bucket_policy(Bucket=smoked.bucket, Policy=before)
        aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    assert status == 1
    failed = [line for line in report.splitlines() if "FAILED" in line]
    assert [line.split(":")[0].split("FAILED")[1].strip() for line in failed] == [
        "the link downloads the file", "a share downloads the file until it is revoked", "SES knows the sender",
    ], report


def test_it_checks_the_region_of_the_aws_cli(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Stack("any").session.region_name == "eu-north-1"
    monkeypatch.delenv("AWS_REGION")
    assert Stack("any").session.region_name == "eu-west-1"


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"])
def test_a_stack_is_deployed_whatever_brought_it_there(status):
    stack = DescribedStack()
    stack.describe = lambda: status
    deployed(stack, seen := [])
    assert seen == [status, "every parameter has the template's default"]


def test_it_names_every_parameter_that_has_another_value_than_its_default():
    stack = DescribedStack(ShareLinks="yes", Doctor="yes", Grants=f"[{'x' * 1000}]", MailFrom="")
    told = changed(stack)
    assert "ShareLinks=yes" in told and f"Grants='[{'x' * 59}…'" in told
    assert "Doctor" not in told and "MailFrom" not in told


class DescribedStack:
    """A stack with these parameters, of which only the description is known."""

    def __init__(self, **parameters):
        self.parameters = parameters

    def describe(self):
        return "UPDATE_COMPLETE"

    def defaults(self):
        return {name: str(one["Default"]) for name, one in Template().text["Parameters"].items()}


@pytest.mark.parametrize(
    ("parameters", "is_told"),
    [
        ({"Principals": "*", "JwtIssuer": "https://issuer.example.com"}, True),
        ({"Principals": "alice,*", "JwtIssuer": "https://issuer.example.com"}, True),
        ({"Principals": "alice", "JwtIssuer": "https://issuer.example.com"}, False),
        ({"Principals": "*", "JwtIssuer": "https://issuer.example.com", "Grants": "s3://a/b"}, False),
        ({"Principals": "*", "JwtIssuer": ""}, False),
        ({"Principals": "*"}, False),
    ],
)
def test_it_says_that_whoever_gets_a_token_gets_links(parameters, is_told):
    seen = []
    deployed(DescribedStack(**parameters), seen)
    status, _, *told = seen
    assert (status, len(told)) == ("UPDATE_COMPLETE", int(is_told))
    if is_told:
        [sentence] = told
        assert "everybody who gets a token from https://issuer.example.com gets links" in sentence
        assert "Principals" in sentence and "Grants" in sentence


def test_a_stack_that_does_not_exist_is_said_in_one_line(aws):
    status, report = smoke(aws, "nothing-here")
    assert status == 1
    assert "Traceback" not in report
