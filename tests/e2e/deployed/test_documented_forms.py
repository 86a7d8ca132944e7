"""What docs/deploy.md says about buckets that exist already: its lines for samconfig.toml and its commands."""

import collections
import json
import os
import re
import shutil
import subprocess
import tomllib

import pytest
from local_aws import existing, paths
from local_aws.template_text import Template
from samcli.cli.types import CfnParameterOverridesType

TEXT = (paths.ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", blocks("toml"))
def test_sam_reads_the_parameters_as_they_are_meant(block):
    written = tomllib.loads(block)["parameter_overrides"]
    parameters = CfnParameterOverridesType().convert(written, None, None)
    template = Template(**parameters)
    for name in parameters:
        read = template.parameters[name]
        for value in read if isinstance(read, list) else [read]:
            assert re.fullmatch(template.text["Parameters"][name]["AllowedPattern"], value), name
    grants = json.loads(template.properties("LinkSigner")["Environment"]["Variables"]["GRANTS"])
    assert template.parameters["ExistingBucketName"] in {grant["bucket"] for grant in grants}


def test_there_are_two_such_blocks():
    assert len(blocks("toml")) == 2


@pytest.mark.parametrize("there", ["", '{"QueueConfigurations": [{"QueueArn": "arn:aws:sqs:eu-west-1:1:q", "Events": ["s3:*"]}]}'])
def test_the_owner_s_notifications_stay_when_eventbridge_is_switched_on(there, tmp_path):
    [block] = [block for block in blocks("sh") if "with-eventbridge.json" in block]
    [command] = re.findall(r"^python3 .*?with-eventbridge\.json$", block, re.MULTILINE | re.DOTALL)
    (tmp_path / "notifications.json").write_text(there, encoding="utf-8")
    subprocess.run([shutil.which("bash"), "-c", command], cwd=tmp_path, check=True, timeout=30)
    configured = json.loads((tmp_path / "with-eventbridge.json").read_text(encoding="utf-8"))
    assert configured == {**json.loads(there or "{}"), **existing.EVENTS_ON}


@pytest.mark.parametrize(
    ("grants", "says"),
    [
        ('[{"bucket": "my-files"}]', "GRANTS[0].prefix is missing"),
        ('[{"bucket": "my-files", "prefix": "a/", "principals": ["*"]}]', "Missing AWS_LAMBDA_FUNCTION_NAME"),
    ],
)
def test_grants_are_checked_before_they_are_deployed(built, tmp_path, grants, says):
    [command] = re.findall(r'`(GRANTS="\$\(cat grants\.json\)" AWS_REGION=\S+) \.aws-sam/build/LinkSigner/bootstrap`', TEXT)
    (tmp_path / "grants.json").write_text(grants, encoding="utf-8")
    done = subprocess.run(
        [shutil.which("bash"), "-c", f"{command} {paths.BOOTSTRAP}"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert says in done.stdout + done.stderr


def test_the_boundary_allows_each_role_every_action_that_the_template_gives_it():
    """docs/permissions-boundary.json: a statement for both roles that sign links, one for the role that uploads, and what two roles need besides."""
    boundary = json.loads((paths.ROOT / "docs" / "permissions-boundary.json").read_text(encoding="utf-8"))
    signs, signer, uploads, mailer = [set(statement["Action"]) for statement in boundary["Statement"]]
    parameters = {
        "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "ReadableObjects": "arn:aws:s3:::a/*",
        "MailFrom": "files@example.com",
        "MailAllowedRecipients": "*@example.com",
        "ShareLinks": "yes",
        "Uploads": "yes",
    }
    given = collections.defaultdict(set)
    for template in (Template(**parameters), Template(Grants="s3://a/b", **parameters)):
        for policy in template.resources_of("AWS::IAM::Policy"):
            for statement in template.statements(policy).values():
                actions = statement["Action"]
                for role in template.properties(policy)["Roles"]:
                    given[role] |= set(actions) if isinstance(actions, list) else {actions}
    assert given["<LinkSessionRole>"] == signs
    assert given["<LinkSignerRole>"] == signs | signer
    assert given["<LinkUploadRole>"] == uploads
    assert given["<MailedLinkSessionRole>"] <= signs
    assert given["<LinkMailerRole>"] - signs == mailer


def test_the_throttles_of_all_old_routes_are_taken_away():
    [block] = [block for block in blocks("sh") if "delete-route-settings" in block]
    told = 'output() { echo https://a1b2c3.execute-api.eu-central-1.amazonaws.com; }\naws() { printf "%s\\n" "$*"; }\n'
    done = subprocess.run(
        [shutil.which("bash"), "-c", told + block], capture_output=True, text=True, timeout=30, check=True
    )
    command = r"apigatewayv2 delete-route-settings --api-id a1b2c3 --stage-name \$default --route-key (.*)"
    keys = [re.fullmatch(command, line)[1] for line in done.stdout.splitlines()]
    assert sorted(keys) == sorted(Template(ShareLinks="yes").properties("ApiStage")["RouteSettings"])
