"""With `"check": true` the function gives no link that would not open, and its response says why.

The function checks a link by requesting one byte through it, here from the local AWS. The Rust tests cover the
refusals of S3 that the local AWS does not have.
"""

import json

import pytest
from local_aws import api_client
from local_lambda import requests, responses, roles, running

BUCKET = "checked-files"
DENIED = "files-behind-a-deny"


@pytest.fixture(scope="module")
def s3(aws):
    s3 = aws.client("s3")
    for bucket in (BUCKET, DENIED):
        s3.create_bucket(Bucket=bucket)
    for key in ("private-files/there", "private-files/not for the role", "private-files/Résumé + 100%.pdf"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")
    s3.put_object(Bucket=BUCKET, Key="private-files/empty", Body=b"")
    s3.put_object(Bucket=DENIED, Key="private-files/there", Body=b"x")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{DENIED}/*"}
    s3.put_bucket_policy(Bucket=DENIED, Policy=json.dumps(roles.policy_document(deny)))
    return s3


@pytest.fixture(scope="module")
def role(aws, s3):
    forbidden = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/private-files/not*"}
    return roles.Role(aws, "checks", roles.read_statement(BUCKET, DENIED), forbidden)


def environment(role, **changes):
    grants = [
        {"bucket": bucket, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}
        for bucket in (BUCKET, DENIED, "no-such-bucket")
    ]
    return {
        **roles.environment_variables(role.session()),
        "ASSUMED_SESSION_SECONDS": "3600",
        "GRANTS": json.dumps(grants),
        **changes,
    }


@pytest.fixture(scope="module")
def checking(aws, role, built):
    with running.LocalLambda("checks", **environment(role, AWS_ENDPOINT_URL=aws.url)) as function:
        yield function


def request_checked_link(function, key, bucket=BUCKET, **options):
    return function.request(requests.post("/links", {"bucket": bucket, "key": f"private-files/{key}", "check": True, **options}))


@pytest.mark.parametrize("key", ["there", "empty", "Résumé + 100%.pdf"])
def test_a_checked_link_that_opens_is_given(checking, key):
    response = request_checked_link(checking, key, filename="é.pdf", content_type="application/pdf")
    assert response.status == 200
    assert api_client.send("GET", response.json()["url"]).status == 200


@pytest.mark.parametrize(
    "key, bucket",
    [("missing", BUCKET), ("not for the role", BUCKET), ("there", DENIED), ("there", "no-such-bucket")],
    ids=["missing", "forbidden to the role", "denied by the bucket", "no bucket"],
)
def test_a_checked_link_that_would_not_open_is_refused_and_the_likely_causes_are_named(checking, key, bucket):
    response = request_checked_link(checking, key, bucket)
    assert responses.problem_code(response) == "object-unavailable"
    detail = response.json()["detail"]
    assert detail.startswith("S3 answered 40")
    if bucket != "no-such-bucket":
        assert "missing or forbidden" in detail or "no such object" in detail
    assert "X-Amz-" not in detail and "http" not in detail


def test_without_the_check_the_same_object_has_a_link(checking):
    link = checking.link(bucket=BUCKET, key="private-files/missing")
    assert api_client.send("GET", link["url"]).status in (403, 404)


def test_in_a_batch_only_the_links_that_would_not_open_are_problems(checking):
    keys = ["there", "missing", "empty", "not for the role", "there"]
    entries = checking.batch([{"bucket": BUCKET, "key": f"private-files/{key}", "check": True} for key in keys])
    assert [entry.get("code") for entry in entries] == [None, "object-unavailable", None, "object-unavailable", None]


def test_a_download_can_be_checked(checking):
    query = {"bucket": BUCKET, "key": "private-files/there", "check": "true"}
    assert checking.request(requests.get("/download", query)).status == 303
    missing = checking.request(requests.get("/download", {**query, "key": "private-files/missing"}))
    assert responses.problem_code(missing) == "object-unavailable"


def test_if_s3_does_not_respond_there_is_no_link_and_the_response_says_so(role, built):
    with running.LocalLambda("checks-unreachable", **environment(role, AWS_ENDPOINT_URL_S3=running.UNREACHABLE_ENDPOINT)) as function:
        response = request_checked_link(function, "there")
        assert responses.problem_code(response) == "upstream"
        assert "could not be asked whether the link opens" in response.json()["detail"]
