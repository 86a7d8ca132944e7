"""If a grant does not state the bucket's region, the function asks S3 for it and signs for that region."""

import json

import pytest
from local_aws import api_client
from local_lambda import requests, responses, roles, running

NEAR = "files-of-this-region"
FAR = "files-of-another-region"


@pytest.fixture(scope="module")
def function(aws, built):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=NEAR)
    s3.create_bucket(Bucket=FAR, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for bucket in (NEAR, FAR):
        s3.put_object(Bucket=bucket, Key="private-files/a", Body=bucket.encode())
    # The template's permissions. Without s3:ListBucket, S3 responds to HeadBucket with 403, and names the region.
    role = roles.Role(aws, "regions", roles.read_statement(NEAR, FAR))
    grants = [
        {"bucket": bucket, "prefix": "private-files/", "principals": ["*"]}
        for bucket in (NEAR, FAR, "no-such-bucket")
    ]
    variables = {
        **roles.environment_variables(role.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "3600",
        "GRANTS": json.dumps(grants),
    }
    with running.LocalLambda("regions", **variables) as function:
        yield function


@pytest.mark.parametrize("bucket, region", [(NEAR, "us-east-1"), (FAR, "eu-central-1")])
def test_a_link_is_signed_for_the_region_of_its_bucket_and_opens(function, bucket, region):
    link = function.link(bucket=bucket, key="private-files/a")
    assert f"%2F{region}%2Fs3%2Faws4_request" in link["url"]
    assert api_client.send("GET", link["url"]).body == bucket.encode()


def test_if_the_region_is_unknown_there_is_no_link_and_the_response_names_the_fix(function):
    response = function.request(requests.post("/links", {"bucket": "no-such-bucket", "key": "private-files/a"}))
    assert responses.problem_code(response) == "upstream"
    assert '"no-such-bucket"' in response.json()["detail"]
    assert '"region" in GRANTS' in response.json()["detail"]
