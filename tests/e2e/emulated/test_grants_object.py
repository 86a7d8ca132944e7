"""The grants in an object of the local S3, which the function reads with its own role before its first event.

The Rust tests in tests/function/links/grants_object.rs cover changes, mistakes and failures.
"""

import json

import pytest
from local_aws import api_client
from local_lambda import requests, responses, roles, running

FILES = "files-that-an-object-grants"
CONFIGURATION = "where-the-grants-are"
KEY = "links/grants.json"


@pytest.fixture(scope="module")
def variables(aws, built):
    s3 = aws.client("s3")
    for bucket in (FILES, CONFIGURATION):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=FILES, Key="tenants/acme/a", Body=b"of acme")
    grants = [{"bucket": FILES, "prefix": "tenants/{claim:tenant}/", "principals": ["*"]}]
    s3.put_object(Bucket=CONFIGURATION, Key=KEY, Body=json.dumps(grants).encode())
    # What the template gives: this object alone.
    reads_grants = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{CONFIGURATION}/{KEY}"}
    role = roles.Role(aws, "grants-object", roles.read_statement(FILES), reads_grants)
    return {
        **roles.environment_variables(role.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "3600",
        "BUCKET_POLICY": "ignore",
    }


def asking(tenant):
    """The event of a caller whose token says this tenant."""
    event = requests.fixture("http-api/post-links-jwt")
    event["requestContext"]["authorizer"]["jwt"]["claims"]["tenant"] = tenant
    event["body"] = json.dumps({"key": "tenants/acme/a"})
    return event


def test_the_object_grants_each_tenant_its_own_folder(variables):
    with running.LocalLambda("grants-object", **variables, GRANTS=f"s3://{CONFIGURATION}/{KEY}") as function:
        link = function.request(asking("acme")).json()
        assert api_client.send("GET", link["url"]).body == b"of acme"
        assert responses.problem_code(function.request(asking("other"))) == "not-granted"


def test_an_object_that_the_role_may_not_read_stops_the_function_with_one_sentence(variables):
    with running.LocalLambda("no-grants-object", **variables, GRANTS=f"s3://{CONFIGURATION}/other.json") as function:
        assert function.invoke({}) is None, "the function started"
        lines = function.log_entries()
    # The emulator starts a function that failed again, so the log may have the line more than once.
    [reason] = {line["reason"] for line in lines if line["message"] == "the grants can't be read"}
    assert f"GRANTS: S3 refused GetObject on s3://{CONFIGURATION}/other.json" in reason
    assert "allow s3:GetObject on it to the function's role" in reason
