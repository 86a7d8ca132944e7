"""The permissions of the two roles that sign and who may assume them, as far as the local AWS enforces IAM.

It enforces identity policies, bucket policies and trust policies with their conditions. It does not know
`sts:IdentityTokenAudience` and `sts:DurationSeconds`, so the test for GetWebIdentityToken only reads the policy.
"""

import json

import pytest
from local_aws import api_client, isolation
from local_aws.role_sessions import assume, refusal


@pytest.fixture(scope="module")
def function_session(aws, stack):
    """Credentials of the function's role."""
    return assume(aws, stack.role_arn)


@pytest.fixture(params=["of the function", "that it starts"])
def session(request, aws, stack, function_session):
    """Credentials of either role whose sessions sign links."""
    if request.param == "of the function":
        return function_session
    return assume(aws, stack.session_role_arn, function_session)


def test_the_role_may_read_files_with_the_prefix(aws, stack, session, files):
    key = files.put(b"readable")
    s3 = aws.client("s3", session)
    assert s3.get_object(Bucket=stack.bucket, Key=key)["Body"].read() == b"readable"


def test_the_role_may_not_read_files_without_the_prefix(aws, stack, session, files):
    key = files.put(b"secret", folder="elsewhere/")
    assert refusal(aws.client("s3", session).get_object, Bucket=stack.bucket, Key=key) == "AccessDenied"


def test_the_role_may_not_write_delete_or_list(aws, stack, session, files):
    s3, key = aws.client("s3", session), files.put(b"stays")
    assert refusal(s3.put_object, Bucket=stack.bucket, Key=key, Body=b"x") == "AccessDenied"
    assert refusal(s3.delete_object, Bucket=stack.bucket, Key=key) == "AccessDenied"
    assert refusal(s3.list_objects_v2, Bucket=stack.bucket) == "AccessDenied"


def test_the_role_has_no_permissions_for_other_services(aws, stack, session):
    assert refusal(aws.client("iam", session).list_users) == "AccessDenied"
    assert "AccessDenied" in refusal(aws.client("lambda", session).list_functions)
    assert "AccessDenied" in refusal(aws.client("logs", session).describe_log_groups)


def test_only_the_function_s_role_is_trusted_and_by_its_own_arn(aws, stack):
    trust = aws.client("iam").get_role(RoleName=stack.session_role_arn.rsplit("/", 1)[1])["Role"]
    [statement] = trust["AssumeRolePolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
    assert statement["Principal"] == {"AWS": stack.role_arn}
    function = aws.client("iam").get_role(RoleName=stack.role_arn.rsplit("/", 1)[1])["Role"]
    [statement] = function["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_function_may_assume_no_other_role(aws, stack, function_session):
    assert assume(aws, stack.session_role_arn, function_session)["SessionToken"]
    assert refusal(assume, aws=aws, role_arn=stack.role_arn, credentials=function_session) == "AccessDenied"


def test_a_session_that_signs_may_start_no_further_one(aws, stack, function_session):
    started = assume(aws, stack.session_role_arn, function_session)
    for role_arn in (stack.role_arn, stack.session_role_arn):
        assert refusal(assume, aws=aws, role_arn=role_arn, credentials=started) == "AccessDenied"


def test_another_role_that_may_assume_any_role_may_not_assume_these(aws, stack):
    """Whoever may create roles can choose their names and paths, and still does not become the signer."""
    may_assume_all = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
    trusts_all = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}}
    iam = aws.client("iam")
    own_path, own_name = stack.role_arn.split(":role", 1)[1].rsplit("/", 1)
    # They resemble the function's role: in its name, in its path, and in the path that it once was trusted by.
    once_trusted = f"/s3-link-signer/{isolation.REGION}/{stack.stack}/"
    for path, name in [
        ("/", "other"),
        (f"{own_path}/", f"{own_name}-2"),
        ("/elsewhere/", f"{own_name}-3"),
        (once_trusted, f"{own_name}-4"),
    ]:
        made = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=json.dumps(trusts_all))
        iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(may_assume_all))
        other = assume(aws, made["Role"]["Arn"])
        # The session itself is valid, because the role may assume itself.
        assert assume(aws, made["Role"]["Arn"], other)
        for role_arn in (stack.role_arn, stack.session_role_arn):
            assert refusal(assume, aws=aws, role_arn=role_arn, credentials=other) == "AccessDenied"


def test_a_user_who_may_assume_any_role_may_not_assume_these(aws, stack):
    user = api_client.create_caller(aws, stack, "assumer")
    may_assume_all = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}}
    aws.client("iam").put_user_policy(UserName="assumer", PolicyName="all", PolicyDocument=json.dumps(may_assume_all))
    keys = {"AccessKeyId": user.access_key_id, "SecretAccessKey": user.secret_access_key}
    for role_arn in (stack.role_arn, stack.session_role_arn):
        assert refusal(assume, aws=aws, role_arn=role_arn, credentials=keys) == "AccessDenied"


def test_the_web_identity_token_is_for_an_invalid_audience_and_lasts_a_minute(aws, stack):
    iam, role = aws.client("iam"), stack.role_arn.rsplit("/", 1)[1]
    policies = iam.list_role_policies(RoleName=role)["PolicyNames"]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    statements = [
        statement
        for name in policies
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    ]
    [token] = [statement for statement in statements if "sts:GetWebIdentityToken" in statement["Action"]]
    assert token["Condition"] == {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "https://s3-link-signer.invalid"},
        "NumericLessThanEquals": {"sts:DurationSeconds": 60},
    }
    # Only this permission is for all resources.
    assert [statement["Sid"] for statement in statements if statement["Resource"] == "*"] == [token["Sid"]]
