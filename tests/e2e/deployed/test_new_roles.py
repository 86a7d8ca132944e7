"""A deployment on an account whose IAM takes some seconds to know the policies of new roles, as AWS's does."""

import time

import pytest
from local_aws import api_client, deploying, emulator

DELAY = 12


@pytest.fixture(scope="module")
def slow_aws(built):
    with emulator.LocalAws("test-slow-iam", iam_delay_seconds=DELAY) as running:
        yield running


def test_the_first_requests_say_what_is_refused_and_a_minute_later_there_are_links(slow_aws):
    started = time.monotonic()
    stack = deploying.deploy(slow_aws)
    caller = api_client.create_caller(slow_aws, stack, "reader")
    slow_aws.client("s3").put_object(Bucket=stack.bucket, Key="private-files/a.txt", Body=b"x")
    seen = []
    while time.monotonic() < started + 75:
        response = caller.request("POST", f"{stack.api_url}/links", {"key": "private-files/a.txt"})
        if response.status not in seen:
            seen.append(response.status)
        if response.status == 200:
            break
        problem = response.json()
        assert problem["code"] == "session-unproven"
        assert "STS refused AssumeRole on SIGNING_ROLE_ARN" in problem["detail"]
        time.sleep(1)
    assert seen == [503, 200]
    session = caller.request("GET", f"{stack.api_url}/session").json()
    assert session["session"]["evidence"] == "minted"
    assert session["attestation_asked_at"], "it says when STS was asked last"
