"""A link that names a version, on the local AWS's versioned bucket: deleted is deleted, unless the grant says otherwise."""

import json

import pytest
from local_aws import api_client
from local_lambda import requests, roles, running

BUCKET = "files-with-versions"
OLD = "private-files/"
AUDITED = "audited-files/"


@pytest.fixture(scope="module")
def s3(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return s3


@pytest.fixture(scope="module")
def function(aws, s3, built):
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    grant = {"bucket": BUCKET, "principals": ["*"], "region": "us-east-1"}
    variables = {
        **roles.environment_variables(roles.Role(aws, "versions", statement).session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "3600",
        "GRANTS": json.dumps([{**grant, "prefix": OLD}, {**grant, "prefix": AUDITED, "versions": True}]),
    }
    with running.LocalLambda("versions", **variables) as function:
        yield function


def put(s3, key, content):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]


def request(function, key, version):
    return function.request(requests.post("/links", {"key": key, "version_id": version}))


def delete(s3, key):
    s3.delete_object(Bucket=BUCKET, Key=key)


def replace(s3, key):
    put(s3, key, b"new")


@pytest.mark.parametrize("end", [delete, replace])
def test_a_version_that_a_reader_saw_can_be_linked_only_while_it_is_the_current_one(function, s3, end):
    key = f"{OLD}{end.__name__}"
    version = put(s3, key, b"old")
    link = request(function, key, version).json()
    assert api_client.send("GET", link["url"]).headers["x-amz-version-id"] == version
    end(s3, key)
    refused = request(function, key, version)
    assert (refused.status, refused.json()["code"]) == (403, "not-granted")
    assert '"versions": true' in refused.json()["detail"]


@pytest.mark.parametrize("end", [delete, replace])
def test_a_grant_with_versions_gives_old_ones(function, s3, end):
    key = f"{AUDITED}{end.__name__}"
    version = put(s3, key, b"old")
    end(s3, key)
    assert api_client.send("GET", request(function, key, version).json()["url"]).body == b"old"


def test_a_link_that_names_a_version_ends_when_that_version_is_deleted(function, s3):
    key = f"{OLD}taken back"
    version = put(s3, key, b"old")
    link = request(function, key, version).json()
    delete(s3, key)
    # A delete marker does not end it.
    assert api_client.send("GET", link["url"]).status == 200
    s3.delete_object(Bucket=BUCKET, Key=key, VersionId=version)
    assert api_client.send("GET", link["url"]).status == 404
