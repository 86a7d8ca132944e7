"""Fixtures for the tests of the deployed function: a local AWS, a stack, and callers of its API.

The stack is deployed once for all tests. A test that stores objects stores them under keys of its own.
"""

import json
import uuid
from contextlib import contextmanager

import pytest
from local_aws import api_client, deploying, emulator, metrics, uploading
from local_lambda import secrecy

PREFIX = "private-files/"


@pytest.fixture(scope="session")
def aws(built):
    """A local AWS for these tests only, because they read its whole log and count its alarms.

    At the end, the logs of all functions are searched for secrets, and the metrics for what nobody reads.
    """
    with emulator.LocalAws("test-deployed") as running:
        yield running
        leaked = secrecy.leaks(logs_of_all_functions(running), [running.secret_access_key])
        assert not leaked, f"a function's log contains {leaked}"
        unread = metrics.unread(running)
        assert not unread, f"neither an alarm nor the dashboard reads {unread}"


def logs_of_all_functions(aws):
    logs = aws.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = [page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)]
    return "\n".join(event["message"] for page in pages for event in page["events"])


@pytest.fixture(scope="session")
def stack(aws):
    """The deployed template, with a grant for IAM users named reader-… and for no other principals."""
    return deploying.deploy(aws, Principals="arn:aws:iam::*:user/reader-*", MaxExpiresIn=1800)


@pytest.fixture(scope="session")
def reader(aws, stack):
    """A caller with permission to call the API, and with a grant."""
    return api_client.create_caller(aws, stack, "reader-alice")


@pytest.fixture(scope="session")
def stranger(aws, stack):
    """A caller with permission to call the API, but without a grant."""
    return api_client.create_caller(aws, stack, "stranger")


@pytest.fixture(scope="session")
def stack_with_shares(aws):
    """A second stack, whose IAM users named sharer-… may make shares, and whose mails bring some."""
    aws.client("sesv2").create_email_identity(EmailIdentity="shares@example.com")
    return deploying.deploy(
        aws,
        stack="with-shares",
        Principals="arn:aws:iam::*:user/sharer-*",
        ShareFromName="Example & Sons",
        ShareLinks="yes",
        OldShareAddresses="no",
        ShareMaxExpiresIn=86400,
        MailFrom="shares@example.com",
        MailAllowedRecipients="*@example.com",
    )


@pytest.fixture(scope="session")
def sharer(aws, stack_with_shares):
    """A caller who may make shares."""
    return api_client.create_caller(aws, stack_with_shares, "sharer-alice")


@pytest.fixture(scope="session")
def stack_with_uploads(aws):
    """A third stack, whose IAM users named reader-… may upload."""
    return deploying.deploy(
        aws,
        stack="with-uploads",
        Principals="arn:aws:iam::*:user/reader-*",
        AllowedOrigins="https://app.example.com",
        Uploads="yes",
        UploadMaxSize=20 * 2**20,
        UnfinishedUploadDays=3,
    )


@pytest.fixture(scope="session")
def uploads(aws, stack_with_uploads):
    """Uploads of a caller who may upload there."""
    return uploads_of(stack_with_uploads, api_client.create_caller(aws, stack_with_uploads, "reader-uploads"))


@pytest.fixture(scope="session")
def uploads_of_stranger(aws, stack_with_uploads):
    """Uploads of a caller without a grant."""
    return uploads_of(stack_with_uploads, api_client.create_caller(aws, stack_with_uploads, "stranger-to-uploads"))


def uploads_of(stack, caller):
    return uploading.Uploads(lambda path, body: caller.request("POST", f"{stack.api_url}{path}", body))


@pytest.fixture(scope="session")
def share(aws, stack_with_shares, sharer):
    """Makes a share of a new file, and returns what the API answered."""
    files = Files(aws.client("s3"), stack_with_shares.bucket)

    def make(content=b"shared", name="report.txt", **fields):
        body = {"key": files.put(content, f"{uuid.uuid4()}/{name}"), **fields}
        response = sharer.request("POST", f"{stack_with_shares.api_url}/shares", body)
        assert response.status == 201, response.body
        return response.json()

    return make


@pytest.fixture(scope="session")
def address(stack_with_shares):
    """The address of a share, which is at the shares' API."""

    def of(made):
        assert made["url"].startswith(f"{stack_with_shares.share_api_url}/s/")
        return made["url"]

    return of


@pytest.fixture(scope="session")
def files(aws, stack):
    """The files in the bucket."""
    return Files(aws.client("s3"), stack.bucket)


class Files:
    """Puts files into the bucket as its owner."""

    def __init__(self, s3, bucket):
        self.s3 = s3
        self.bucket = bucket

    def put(self, content, name=None, folder=PREFIX):
        """Put a file and return its key. Without a name, the file gets a unique one."""
        key = f"{folder}{name or uuid.uuid4()}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    @contextmanager
    def denied(self, key):
        """Deny access to this file in the bucket's policy until the `with` block ends."""
        before = self.s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        policy = json.loads(before)
        policy["Statement"].append(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": f"arn:aws:s3:::{self.bucket}/{key}",
            }
        )
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(policy))
        try:
            yield
        finally:
            self.s3.put_bucket_policy(Bucket=self.bucket, Policy=before)


@pytest.fixture
def link(stack, reader, files):
    """A link to a new file: the API's response, with the file's content added to it."""
    content = uuid.uuid4().bytes
    key = files.put(content)
    response = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert response.status == 200, response.body
    return {**response.json(), "content": content}
