"""A bucket whose region no grant states: S3 is asked once, and the link is signed for the response."""

import json

import pytest
from local_aws import api_client
from local_lambda import responses, requests, roles, running

HERE = "files-of-this-region"
ELSEWHERE = "files-of-another-region"


@pytest.fixture(scope="module")
def function(aws, built):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=HERE)
    s3.create_bucket(Bucket=ELSEWHERE, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for bucket in (HERE, ELSEWHERE):
        s3.put_object(Bucket=bucket, Key="private-files/a", Body=bucket.encode())
    # No more than the template gives: without s3:ListBucket S3 answers HeadBucket with 403, and with the region.
    role = roles.Role(aws, "regions", roles.read_statement(HERE, ELSEWHERE))
    grants = [
        {"bucket": bucket, "prefix": "private-files/", "principals": ["*"]}
        for bucket in (HERE, ELSEWHERE, "no-bucket-at-all")
    ]
    variables = {
        **roles.environment_variables(role.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "3600",
        "GRANTS": json.dumps(grants),
    }
    with running.LocalLambda("regions", **variables) as function:
        yield function


@pytest.mark.parametrize("bucket, region", [(HERE, "us-east-1"), (ELSEWHERE, "eu-central-1")])
def test_a_link_is_signed_for_the_bucket_s_own_region_and_opens(function, bucket, region):
    link = function.link(bucket=bucket, key="private-files/a")
    assert f"%2F{region}%2Fs3%2Faws4_request" in link["url"]
    assert api_client.send("GET", link["url"]).body == bucket.encode()


def test_a_bucket_whose_region_can_not_be_learnt_has_no_link_and_the_mend_is_named(function):
    response = function.request(requests.post("/links", {"bucket": "no-bucket-at-all", "key": "private-files/a"}))
    assert responses.problem_code(response) == "upstream"
    assert '"no-bucket-at-all"' in response.json()["detail"]
    assert '"region" in GRANTS' in response.json()["detail"]
