"""`"check": true`: no link is given that would not open, and the response says why.

The one-byte check is made against the local AWS, with the very link; what S3's other refusals are
told as is tested in Rust.
"""

import json

import pytest
from local_aws import api_client
from local_lambda import responses, requests, roles, running

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


def asked(function, key, bucket=BUCKET, **wish):
    return function.request(requests.post("/links", {"bucket": bucket, "key": f"private-files/{key}", "check": True, **wish}))


@pytest.mark.parametrize("key", ["there", "empty", "Résumé + 100%.pdf"])
def test_a_link_that_opens_is_given(checking, key):
    response = asked(checking, key, filename="é.pdf", content_type="application/pdf")
    assert response.status == 200
    assert api_client.send("GET", response.json()["url"]).status == 200


@pytest.mark.parametrize(
    "key, bucket",
    [("missing", BUCKET), ("not for the role", BUCKET), ("there", DENIED), ("there", "no-such-bucket")],
    ids=["missing", "forbidden to the role", "denied by the bucket", "no bucket"],
)
def test_a_link_that_would_not_open_is_not_given_and_the_likely_causes_are_named(checking, key, bucket):
    response = asked(checking, key, bucket)
    assert responses.problem_code(response) == "object-unavailable"
    detail = response.json()["detail"]
    assert detail.startswith("S3 answered 40")
    if bucket != "no-such-bucket":
        assert "missing or forbidden" in detail or "no such object" in detail
    assert "X-Amz-" not in detail and "http" not in detail


def test_the_same_object_has_a_link_where_no_check_is_asked_for(checking):
    link = checking.link(bucket=BUCKET, key="private-files/missing")
    assert api_client.send("GET", link["url"]).status in (403, 404)


def test_in_a_batch_only_what_would_not_open_is_a_problem(checking):
    keys = ["there", "missing", "empty", "not for the role", "there"]
    entries = checking.batch([{"bucket": BUCKET, "key": f"private-files/{key}", "check": True} for key in keys])
    assert [entry.get("code") for entry in entries] == [None, "object-unavailable", None, "object-unavailable", None]


def test_a_download_can_be_checked_too(checking):
    query = {"bucket": BUCKET, "key": "private-files/there", "check": "true"}
    assert checking.request(requests.get("/download", query)).status == 303
    missing = checking.request(requests.get("/download", {**query, "key": "private-files/missing"}))
    assert responses.problem_code(missing) == "object-unavailable"


def test_when_s3_can_not_be_asked_that_is_said_and_no_link_is_given(role, built):
    with running.LocalLambda("checks-nowhere", **environment(role, AWS_ENDPOINT_URL_S3=running.UNREACHABLE_ENDPOINT)) as function:
        response = asked(function, "there")
        assert responses.problem_code(response) == "upstream"
        assert "could not be asked whether the link opens" in response.json()["detail"]
