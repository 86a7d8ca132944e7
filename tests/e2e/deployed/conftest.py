"""What the tests of the deployed function share: one local AWS, one stack on it, and the people who call it.

Deployed once for all tests. A test that leaves something behind leaves it under a key of its own.
"""

import json
import uuid
from contextlib import contextmanager

import pytest
from local_aws import api_client, deploying, emulator

PREFIX = "private-files/"


@pytest.fixture(scope="session")
def aws(built):
    """A local AWS for these tests alone: they read its whole log and count its alarms."""
    with emulator.LocalAws("test-deployed") as running:
        yield running


@pytest.fixture(scope="session")
def stack(aws):
    """The template deployed with grants for IAM users named reader-…, and for no one else."""
    return deploying.deploy(aws, Principals="arn:aws:iam::*:user/reader-*", MaxExpiresIn=1800)


@pytest.fixture(scope="session")
def reader(aws, stack):
    """May call the API, and has a grant."""
    return api_client.create_caller(aws, stack, "reader-alice")


@pytest.fixture(scope="session")
def stranger(aws, stack):
    """May call the API, but has no grant."""
    return api_client.create_caller(aws, stack, "stranger")


@pytest.fixture(scope="session")
def files(aws, stack):
    """The bucket, as its owner fills it."""
    return Files(aws.client("s3"), stack.bucket)


class Files:
    """Puts files into the bucket."""

    def __init__(self, s3, bucket):
        self.s3 = s3
        self.bucket = bucket

    def put(self, content, name=None, folder=PREFIX):
        """Put a file; without a name it gets one that no other test has. Returns its key."""
        key = f"{folder}{name or uuid.uuid4()}"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    @contextmanager
    def denied(self, key):
        """Have the bucket's policy deny everyone this file, for as long as the `with` block lasts."""
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
    """A link to a fresh file, as the API answers it, with the file's content beside it."""
    content = uuid.uuid4().bytes
    key = files.put(content)
    response = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert response.status == 200, response.body
    return {**response.json(), "content": content}
