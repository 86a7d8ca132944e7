"""The commands of docs/deploy.md, "First deploy on your account", typed as they stand, against a stack with IAM and one with tokens.

Left out are those that need an account: the switch for federation, and `sam deploy`, which tests/e2e/release/ runs. A
program in place of the AWS CLI does what three of its commands do.
"""

import json
import re
import shutil
import subprocess
import sys

import pytest
from local_aws import api_client, cognito, deploying, isolation, paths

TEXT = (paths.ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
[STEPS] = re.findall(r"^## First deploy on your account\n(.*?)^### ", TEXT, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", STEPS, re.MULTILINE | re.DOTALL)
OF_AN_ACCOUNT = ("aws iam enable-outbound-web-identity-federation", "sam deploy")

AWS = '''#!{python} -I
import os, re, sys
import boto3

arguments = sys.argv[1:]
if arguments[:2] == ["s3", "cp"]:
    bucket, folder = re.fullmatch("s3://([^/]+)/(.*)", arguments[3]).groups()
    boto3.client("s3", region_name="{region}").upload_file(arguments[2], bucket, folder + arguments[2])
elif arguments[:2] == ["cloudformation", "describe-stacks"]:
    name, query = arguments[arguments.index("--stack-name") + 1], arguments[arguments.index("--query") + 1]
    [stack] = boto3.client("cloudformation", region_name="{region}").describe_stacks(StackName=name)["Stacks"]
    [key] = re.findall("OutputKey=='(.*)'", query)
    print([output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == key][0])
elif arguments[:2] == ["configure", "export-credentials"]:
    print("export AWS_ACCESS_KEY_ID=" + os.environ["CALLER_ID"])
    print("export AWS_SECRET_ACCESS_KEY=" + os.environ["CALLER_SECRET"])
else:
    sys.exit("this is not the AWS CLI: " + " ".join(arguments))
'''


def block(*words):
    """The one block of the steps that has these words."""
    [found] = [text for text in BLOCKS if all(word in text for word in words)]
    lines = [line for line in found.splitlines() if not line.startswith(OF_AN_ACCOUNT)]
    return re.sub("eu-central-1", isolation.REGION, "\n".join(lines))


@pytest.fixture
def typed(aws, tmp_path):
    """Types commands in the checkout's folder and returns what they print."""
    programs = tmp_path / "programs"
    programs.mkdir()
    cli = programs / "aws"
    cli.write_text(AWS.format(python=sys.executable, region=isolation.REGION), encoding="utf-8")
    cli.chmod(0o755)
    shutil.copytree(paths.ROOT / "events", tmp_path / "events")

    def typed(*commands, stack, **variables):
        environment = isolation.with_tools(**aws.keys(), **variables)
        environment["PATH"] = f"{programs}:{environment['PATH']}"
        text = "\n".join(commands).replace("export STACK=s3-link-signer", f"export STACK={stack}")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=tmp_path,
            env=environment,
            input=variables.get("PASTED", "") + "\n",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    return typed


START = block("output()")
FIRST_LINK = block("sam remote invoke")
BY_IAM = block("ask()", "--aws-sigv4")
BY_TOKEN = block("ask()", "Bearer")
AS_CALLERS_ASK = block("ask /session")


@pytest.fixture(scope="module")
def own(aws):
    """A stack with the template's defaults."""
    return deploying.deploy(aws, "first-deploy")


def answers(printed):
    """The JSON texts that stand one after another in what was printed, and the rest."""
    found = []
    while printed.startswith("{"):
        answer, end = json.JSONDecoder().raw_decode(printed)
        found.append(answer)
        printed = printed[end:].lstrip()
    return found, printed.split()


def test_the_first_link_opens_and_without_its_query_it_does_not(own, typed):
    printed = typed(START, FIRST_LINK, stack=own.stack)
    assert printed.split() == [own.api_url, own.bucket, "hello", "403"]


def test_a_caller_with_iam_gets_a_link_and_one_without_a_signature_does_not(aws, own, typed):
    caller = api_client.create_caller(aws, own, "first-caller")
    keys = {"CALLER_ID": caller.access_key_id, "CALLER_SECRET": caller.secret_access_key, "AWS_SESSION_TOKEN": ""}
    printed = typed(START, BY_IAM, AS_CALLERS_ASK, stack=own.stack, **keys)
    (session, link), status = answers(printed.split("\n", 1)[1])
    assert session["proven"] is True
    assert link["url"].startswith("http") and link["key"] == "private-files/report.pdf"
    assert status == ["403"]


def test_a_caller_with_a_token_gets_a_link_and_one_without_does_not(aws, typed):
    users = cognito.Users(aws)
    parameters = {"JwtIssuer": users.issuer, "JwtAudience": users.audience, "Principals": "*"}
    stack = deploying.deploy(aws, "first-deploy-with-tokens", **parameters)
    printed = typed(START, BY_TOKEN, AS_CALLERS_ASK, stack=stack.stack, PASTED=users.access_token)
    (session, link), status = answers(printed.split("\n", 1)[1])
    assert session["proven"] is True
    assert link["url"].startswith("http")
    assert status == ["401"]


def test_no_command_of_the_steps_is_left_out_but_those_about_mails():
    assert [text for text in BLOCKS if "link-to=" in text] == [text for text in BLOCKS if text not in _run()]


def _run():
    words = [("output()",), ("sam remote invoke",), ("ask()", "--aws-sigv4"), ("ask()", "Bearer"), ("ask /session",)]
    return [text for text in BLOCKS if any(all(word in text for word in each) for each in words)]
