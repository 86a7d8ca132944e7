"""A stack whose grants name several buckets, and whose roles have a permissions boundary."""

import json

import pytest
from local_aws import api_client, deploying

FINANCE, PRESS = "finance-of-the-company", "press-of-the-company"
CONTENT = b"one of several buckets"
GRANTS = [
    {"bucket": FINANCE, "prefix": "reports/", "principals": ["arn:aws:iam::*:user/several-*"], "max_expires_in": 600},
    {"bucket": FINANCE, "prefix": "sealed/", "principals": ["*"]},
    {"bucket": PRESS, "prefix": "", "principals": ["*"]},
    {"bucket": PRESS, "prefix": "users/{principal}/", "principals": ["*"]},
]
READABLE = [
    f"arn:aws:s3:::{FINANCE}/reports/*",
    f"arn:aws:s3:::{FINANCE}/sealed/*",
    f"arn:aws:s3:::{FINANCE}",
    f"arn:aws:s3:::{PRESS}/*",
]


@pytest.fixture(scope="module")
def boundary(aws):
    """Allows what docs/deploy.md says that the roles need, except for one folder."""
    allowed = [
        "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketPolicy*", "s3:GetBucketPublicAccessBlock",
        "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "kms:Decrypt", "sts:AssumeRole",
        "sts:GetWebIdentityToken", "logs:CreateLogStream", "logs:PutLogEvents",
    ]
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": allowed, "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{FINANCE}/sealed/*"},
        ],
    }
    made = aws.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))
    return made["Policy"]["Arn"]


@pytest.fixture(scope="module")
def several(aws, boundary):
    s3 = aws.client("s3")
    for bucket, folder in [(FINANCE, "reports/"), (FINANCE, "sealed/"), (FINANCE, "other/"), (PRESS, "")]:
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=f"{folder}a.txt", Body=CONTENT)
    return deploying.deploy(
        aws,
        stack="several",
        ExistingBucketName=PRESS,
        Grants=json.dumps(GRANTS),
        ReadableObjects=",".join(READABLE),
        PermissionsBoundary=boundary,
    )


@pytest.fixture(scope="module")
def ask(aws, several):
    caller = api_client.create_caller(aws, several, "several-readers")
    return lambda **fields: caller.request("POST", f"{several.api_url}/links", fields)


def test_the_grants_arrive_as_they_were_written(aws, several):
    configured = aws.client("lambda").get_function_configuration(FunctionName=several.function)
    assert json.loads(configured["Environment"]["Variables"]["GRANTS"]) == GRANTS


@pytest.mark.parametrize(("bucket", "key", "window"), [(FINANCE, "reports/a.txt", 600), (PRESS, "a.txt", 900)])
def test_files_of_each_bucket_open_through_links(ask, bucket, key, window):
    link = ask(bucket=bucket, key=key, expires_in=900).json()
    assert link["expires_in"] == window, link
    response = api_client.send("GET", link["url"])
    assert (response.status, response.body) == (200, CONTENT)


def test_what_no_grant_names_is_refused(ask):
    assert ask(bucket=FINANCE, key="other/a.txt").status == 403


def test_the_policy_is_read_of_a_bucket_that_readable_objects_lists(ask):
    assert ask(bucket=FINANCE, key="reports/a.txt").json()["bucket_policy"] == "heeded"


def test_every_role_has_the_boundary_and_what_it_forbids_stays_closed(aws, several, boundary, ask):
    for arn in (several.role_arn, several.session_role_arn):
        role = aws.client("iam").get_role(RoleName=arn.rsplit("/", 1)[1])["Role"]
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    # A grant covers the file, and the role's policy allows it.
    link = ask(bucket=FINANCE, key="sealed/a.txt").json()
    assert api_client.send("GET", link["url"]).status == 403


def test_the_stack_has_no_bucket_of_its_own(aws, several):
    assert several.bucket == PRESS
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName="several")
    types = {resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]}
    assert not [name for name in types if name.startswith("AWS::S3::")]
