"""The functions that answer the documents' examples, and an HTTP API in front of one of them."""

import contextlib
import json
import secrets

import pytest
from api_document import document
from api_document.http_api import HttpApi
from local_lambda import offline, roles, running
from local_lambda.attesting_sts import AttestingSts

BUCKET = "my-files"
GRANTS = [{"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}]
# The runtime emulator's name for the function, whose own name is in its environment.
FUNCTION_ARN = "arn:aws:lambda:us-east-1:012345678912:function:signer"
# From now to the end of the session, in seconds: as in the example.
SESSION_SECONDS = 39_286
CLAIMS = {"sub": "alice", "iss": "https://login.example.com/", "aud": "links", "exp": "1795446317"}


@pytest.fixture(scope="session")
def openapi():
    return document.load()


@pytest.fixture(scope="session")
def s3(aws):
    """The local S3, with the file of the examples."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="private-files/report.pdf", Body=b"0123456789")
    return s3


@pytest.fixture(scope="session")
def functions(aws, s3, built):
    """Starts the function in the situation of an example: `functions("unproven-session")`. It is started once."""
    reads_policies = {"Effect": "Allow", "Action": "s3:GetBucketPolicy", "Resource": f"arn:aws:s3:::{BUCKET}"}
    mints = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    signer = roles.Role(aws, "document-signer", roles.read_statement(BUCKET), reads_policies, mints)
    no_policies = roles.Role(aws, "document-signer-without-policies", roles.read_statement(BUCKET), mints)
    settings = {"AWS_ENDPOINT_URL": aws.url, "GRANTS": json.dumps(GRANTS)}

    def minting(role):
        return {**roles.environment_variables(role.session()), **settings, "SIGNING_ROLE_ARN": role.arn}

    situations = {
        None: lambda: minting(signer),
        "unproven-session": lambda: {**minting(signer), "SIGNING_ROLE_ARN": ""},
        "unreadable-policy": lambda: {**minting(no_policies), "BUCKET_POLICY": "require"},
        "s3-does-not-answer": lambda: {
            **minting(signer),
            "AWS_ENDPOINT_URL_S3": running.UNREACHABLE_ENDPOINT,
            "BUCKET_POLICY": "ignore",
        },
        # There are no FIPS endpoints in China.
        "bucket-without-an-endpoint": lambda: offline.environment(
            GRANTS=json.dumps([{**GRANTS[0], "region": "cn-north-1"}]), AWS_USE_FIPS_ENDPOINT="true"
        ),
        "attested-session": lambda: {**minting(signer), "AWS_ENDPOINT_URL_STS": attesting_sts.url},
    }
    started = {}
    with contextlib.ExitStack() as stack:
        attesting_sts = stack.enter_context(AttestingSts(FUNCTION_ARN, SESSION_SECONDS))

        def start(situation=None):
            situation = situation if situation in situations else None
            if situation not in started:
                variables = situations[situation]()
                started[situation] = stack.enter_context(running.LocalLambda("api-document", **variables))
            return started[situation]

        yield start


@pytest.fixture(scope="session")
def http_api(functions):
    """The function behind an HTTP API, and a caller's token."""
    token = secrets.token_urlsafe(30)
    with HttpApi(functions(), {token: CLAIMS}) as api:
        api.token = token
        yield api
