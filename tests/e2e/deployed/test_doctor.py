"""The doctor of the deployed function, with the permissions that the template gives.

The local AWS has no GetBucketPolicyStatus, so nothing is asserted about that check.
"""

import json

import pytest
from local_aws import deploying, doctor_demo

READER = "arn:aws:iam::000000000000:user/reader-alice"


@pytest.fixture(scope="module")
def stack_without_doctor(aws, stack):
    """A second stack, whose function may not read the bucket's settings."""
    return deploying.deploy(aws, stack="without-doctor", Doctor="no")


def checks(answer):
    """The checks by name. Of several with one name it is the first."""
    return {check["check"]: check for check in reversed(answer["checks"])}


def test_of_a_good_file_everything_is_seen(aws, stack, files):
    answer = doctor_demo.ask(aws, stack, files.put(b"x"), principal=READER)
    found = checks(answer)
    outcomes = {name: check["outcome"] for name, check in found.items()}
    # The local AWS has no TLS, so the template's statement that wants it may refuse the link.
    assert (answer["verdict"], outcomes.pop("bucket-policy")) == ("works-for-some", "depends")
    del outcomes["policy-status"]
    # Nobody can look at those from here.
    assert outcomes.pop("other-policies") == "unknown"
    assert set(outcomes.values()) == {"ok"}, answer
    assert f"role {stack.session_role_arn.rsplit('/', 1)[1]}" in found["signer"]["sentence"]
    assert "Block Public Access is on." in found["block-public-access"]["sentence"]
    assert "1800 s" in found["grant"]["sentence"]


def test_a_link_that_the_policy_limits_by_its_age_is_said_to_be_limited(aws, stack, files):
    key = files.put(b"x")
    with doctor_demo.guardrail(aws, stack, key):
        answer = doctor_demo.ask(aws, stack, key, principal=READER)
    statements = [check for check in answer["checks"] if check["check"] == "bucket-policy"]
    assert ["limits"] == [check["outcome"] for check in statements if '"NoOldLinks"' in check["sentence"]]
    [deciding, *_] = checks(answer)["window"]["bounds"]
    assert (deciding["bound"], deciding["expires_in"]) == ("policy", doctor_demo.GUARDRAIL_AGE // 1000 - 5)
    # The function reads the policy again, which is as before, for the other tests.
    doctor_demo.ask(aws, stack, key, principal=READER)


def test_of_a_missing_file_it_is_said_that_it_is_missing(aws, stack):
    # The local AWS answers 404 whether or not the function may list the bucket.
    answer = doctor_demo.ask(aws, stack, "private-files/missing", principal=READER)
    missing = checks(answer)["object"]
    assert (answer["verdict"], missing["outcome"]) == ("does-not-work", "refuses")
    assert missing["sentence"] == "S3 answered 404 NoSuchKey: there is no such object."


def test_of_a_file_outside_the_prefix_it_is_said_who_may_not_read_it(aws, stack, files):
    key = files.put(b"x", folder="elsewhere/")
    found = checks(doctor_demo.ask(aws, stack, key, principal=READER))
    assert (found["object"]["outcome"], found["grant"]["outcome"]) == ("refuses", "refuses")
    assert f"no identity-based policy allows s3:GetObject to {stack.session_role_arn}." in found["object"]["sentence"]
    assert found["object"]["commands"][0] == (
        f"aws iam simulate-principal-policy --policy-source-arn {stack.session_role_arn} "
        f"--action-names s3:GetObject --resource-arns arn:aws:s3:::{stack.bucket}/{key}"
    )


def test_without_its_permissions_the_doctor_names_them(aws, stack_without_doctor):
    found = checks(doctor_demo.ask(aws, stack_without_doctor, "private-files/missing"))
    for name, permission in [
        ("block-public-access", "s3:GetBucketPublicAccessBlock"),
        ("policy-status", "s3:GetBucketPolicyStatus"),
        ("encryption", "s3:GetEncryptionConfiguration"),
    ]:
        assert found[name]["outcome"] == "unknown", name
        assert f"allow {permission} on the bucket" in found[name]["sentence"], name


def test_the_commands_that_revoke_links_are_those_of_this_stack(aws, stack, files):
    key = files.put(b"x")
    commands = "\n".join(checks(doctor_demo.ask(aws, stack, key, principal=READER))["revocation"]["commands"])
    for arn in (stack.role_arn, stack.session_role_arn):
        assert f"aws iam put-role-policy --role-name {arn.rsplit('/', 1)[1]} " in commands
    assert f"aws s3api delete-object --bucket {stack.bucket} --key {key}" in commands


def test_no_answer_holds_a_link_or_a_secret(aws, stack, files):
    text = json.dumps(doctor_demo.ask(aws, stack, files.put(b"x"), principal=READER))
    assert "X-Amz-" not in text and "ASIA" not in text and aws.url not in text
