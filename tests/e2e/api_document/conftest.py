"""The functions that answer the documents' examples, the shares in the examples, and an HTTP API in front of a function."""

import contextlib
import json
import secrets

import pytest
from api_document import document
from api_document.http_api import HttpApi
from api_document.shares import Shares
from fake_aws import FakeAws
from local_lambda import offline, requests, roles, running
from local_lambda.shares_table import SharesTable

BUCKET = "my-files"
GRANTS = [
    {"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1", "actions": ["get", "share"], "from": "request"},
    {
        "bucket": BUCKET,
        "prefix": "uploads/",
        "principals": ["*"],
        "region": "us-east-1",
        "actions": ["put"],
        "max_size": 1_000_000_000,
        "forms": True,
    },
]
# The runtime emulator's name for the function, whose own name is in its environment.
FUNCTION_ARN = "arn:aws:lambda:us-east-1:012345678912:function:signer"
SIGNER_ARN = "arn:aws:sts::012345678912:assumed-role/link-signer/link-signer"
# From now to the end of the session, in seconds: as in the example.
SESSION_SECONDS = 39_286
# As in the example of a share.
PUBLIC_URL = "https://files.example.com"
SIZE = 1_250_000
CLAIMS = {"sub": "alice", "iss": "https://login.example.com/", "aud": "links", "exp": "1795446317"}


@pytest.fixture(scope="session")
def openapi():
    return document.load()


@pytest.fixture(scope="session")
def s3(aws):
    """The local S3, with the file of the examples."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="private-files/report.pdf", Body=bytes(SIZE))
    return s3


@pytest.fixture(scope="session")
def table(aws):
    return SharesTable(aws, "api-document-shares")


@pytest.fixture(scope="session")
def signers(aws, s3, table):
    """A role that signs, and one that may not read buckets' policies."""
    reads_policies = {"Effect": "Allow", "Action": ["s3:GetBucketPolicy", "s3:GetLifecycleConfiguration"], "Resource": f"arn:aws:s3:::{BUCKET}"}
    mints = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    signer = roles.Role(
        aws, "document-signer", roles.read_statement(BUCKET), reads_policies, mints, *table.statements
    )
    return signer, roles.Role(aws, "document-signer-without-policies", roles.read_statement(BUCKET), mints)


@pytest.fixture(scope="module")
def functions(aws, table, signers, built):
    """Starts the function in the situation of an example: `functions("unproven-session")`. Each module of tests starts it
    once, because an hour's session counts down while the others run."""
    signer, no_policies = signers
    settings = {
        "AWS_ENDPOINT_URL": aws.url,
        "GRANTS": json.dumps(GRANTS),
        "SHARES_TABLE": table.name,
        "PUBLIC_URL": PUBLIC_URL,
        "SHARES_FROM": "Example Ltd",
    }

    def minting(role):
        # The documents' uploads are signed and never sent, so their role may be any.
        return {**roles.environment_variables(role.session()), **settings, "SIGNING_ROLE_ARN": role.arn, "UPLOAD_ROLE_ARN": signer.arn}

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
        **dict.fromkeys(
            ("table-is-away", "table-does-not-answer"),
            lambda: {**minting(signer), "AWS_ENDPOINT_URL_DYNAMODB": running.UNREACHABLE_ENDPOINT},
        ),
        "longest-shares": lambda: {
            **minting(signer),
            "GRANTS": json.dumps([{**GRANTS[0], "max_share_expires_in": 365 * 86_400}]),
        },
        "attested-session": lambda: {**minting(signer), "AWS_ENDPOINT_URL_STS": attesting_sts.url},
    }
    started = {}
    with contextlib.ExitStack() as stack:
        attesting_sts = stack.enter_context(FakeAws())
        attesting_sts.attest(FUNCTION_ARN, SESSION_SECONDS)
        attesting_sts.identify(SIGNER_ARN)

        def start(situation=None):
            situation = situation if situation in situations else None
            if situation not in started:
                variables = situations[situation]()
                started[situation] = stack.enter_context(running.LocalLambda("api-document", **variables))
            return started[situation]

        yield start


@pytest.fixture(scope="module")
def shares(functions, table):
    """Makes a share as an example needs it."""
    return Shares(functions(), table)


@pytest.fixture(scope="module")
def http_api(functions, table):
    """The function behind an HTTP API, a caller's token, and what makes shares of that caller."""

    def event(method, path, body=None, principal=None):
        made = requests.request(method, path, body=body)
        made["requestContext"]["authorizer"] = {"jwt": {"claims": {**CLAIMS, "sub": principal}, "scopes": None}}
        return made

    token = secrets.token_urlsafe(30)
    with HttpApi(functions(), {token: CLAIMS}) as api:
        api.token = token
        api.owner = CLAIMS["sub"]
        api.shares = Shares(functions(), table, event)
        yield api
