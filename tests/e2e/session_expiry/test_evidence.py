"""Every kind of evidence that works with the local AWS, from the function's start to an opened link.

`attested` is missing, because the local AWS's tokens don't have the claim. The Rust tests cover it with an STS of
their own.
"""

import json
from datetime import timedelta

import pytest
from local_aws import api_client, promise
from local_lambda import container_credentials, requests, responses, roles, running

BUCKET = "files-for-evidence"
KEY = "private-files/a.txt"
CONTENT = b"opened"


@pytest.fixture(scope="module")
def role(aws, built):
    """A role with the permissions of the template's role: it may read the files and assume itself."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
    may_assume = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:GetWebIdentityToken"], "Resource": "*"}
    return roles.Role(aws, "evidence", roles.read_statement(BUCKET), may_assume)


@pytest.fixture(scope="module")
def start(aws, role):
    """Creates functions with grants for the bucket, on the local AWS."""
    grants = json.dumps([{"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}])

    def start(**variables):
        return running.LocalLambda("evidence", AWS_ENDPOINT_URL=aws.url, GRANTS=grants, **variables)

    return start


def opens(link):
    return api_client.send("GET", link["url"]).body == CONTENT


def test_the_evidence_is_minted_if_a_role_may_be_assumed_and_no_end_is_stated(start, role):
    """As in Lambda, the credentials are in the environment, without their end."""
    session = role.session()
    with start(**roles.environment_variables(session), SIGNING_ROLE_ARN=role.arn) as function:
        link = function.link(key=KEY, expires_in=3600)
        assert (link["session"]["evidence"], link["proven"], link["limited_by"]) == ("minted", True, "session")
        assert promise.parse_time(link["expires_at"]) == promise.parse_time(link["session"]["expires_at"]) - timedelta(
            seconds=5
        )
        assert 3590 <= link["expires_in"] <= 3595
        # The minted session signs, not the one in the environment.
        assert session["AccessKeyId"] not in link["url"]
        assert opens(link)
        # The same session signs every link that it outlasts.
        again = function.link(key=KEY, expires_in=60)
        assert again["session"] == link["session"]
        assert again["limited_by"] == "request"


def test_get_session_tells_who_signs_with_what_evidence_and_for_how_long(start, role):
    with start(**roles.environment_variables(role.session()), SIGNING_ROLE_ARN=role.arn) as function:
        session = function.request(requests.get("/session")).json()
        assert ":assumed-role/evidence/" in session["signer"]["arn"]
        assert (session["session"]["evidence"], session["proven"]) == ("minted", True)
        assert 3590 <= session["available"]["expires_in"] <= 3595
        # The findings name the stronger evidence that is missing.
        assert any(
            "the token STS issued does not prove the session's end" in finding for finding in session["findings"]
        )


def test_if_the_role_may_not_be_assumed_the_response_names_the_setting_to_fix(start, role):
    missing_role = role.arn.replace("evidence", "no-such-role")
    with start(**roles.environment_variables(role.session()), SIGNING_ROLE_ARN=missing_role) as function:
        response = function.request(requests.post("/links", {"key": KEY}))
        assert responses.problem_code(response) == "session-unproven"
        assert "STS refused AssumeRole on SIGNING_ROLE_ARN (status 403, AccessDenied" in response.json()["detail"]


def test_no_level_shows_what_the_sdk_and_hyper_have_to_say(start, role):
    """Their finer lines hold requests with their signatures. At the end of the block the log is searched for secrets."""
    settings = {"SIGNING_ROLE_ARN": role.arn, "AWS_LAMBDA_LOG_LEVEL": "TRACE", "RUST_LOG": "trace"}
    with start(**roles.environment_variables(role.session()), **settings) as function:
        assert opens(function.link(key=KEY))
        levels = {line["level"] for line in function.log_entries() if "level" in line}
        assert "INFO" in levels and levels <= {"INFO", "WARN", "ERROR"}


def test_without_evidence_there_is_no_link(start, role):
    with start(**roles.environment_variables(role.session())) as function:
        for event in (requests.post("/links", {"key": KEY}), requests.get("/download", {"key": KEY})):
            assert responses.problem_code(function.request(event)) == "session-unproven"
        [entry] = function.batch([{"key": KEY}])
        assert entry["code"] == "session-unproven"


def test_an_assumed_end_is_used_if_the_operator_set_it_and_is_never_called_proven(start, role):
    with start(**roles.environment_variables(role.session()), ASSUMED_SESSION_SECONDS="600") as function:
        link = function.link(key=KEY, expires_in=3600)
        assert (link["session"]["evidence"], link["proven"], link["limited_by"]) == ("assumed", False, "session")
        assert 590 <= link["expires_in"] <= 595
        assert opens(link)


def test_an_end_in_the_environment_counts_outside_lambda_and_not_inside(start, role):
    session = role.session(600)
    stated = {**roles.environment_variables(session), "AWS_CREDENTIAL_EXPIRATION": session["Expiration"].isoformat()}
    with start(**stated) as function:
        link = function.link(key=KEY)
        assert link["session"]["evidence"] == "declared"
        assert promise.parse_time(link["session"]["expires_at"]) == session["Expiration"]
        assert opens(link)
    # Lambda always sets this variable. The emulator does not.
    with start(**stated, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand") as function:
        assert responses.problem_code(function.request(requests.post("/links", {"key": KEY}))) == "session-unproven"


def test_a_session_is_minted_only_if_the_declared_one_ends_before_the_requested_expiry(start, role):
    with container_credentials.ContainerCredentials() as endpoint:
        session = role.session(600)
        endpoint.serve(session)
        with start(**endpoint.variables(), SIGNING_ROLE_ARN=role.arn) as function:
            short = function.link(key=KEY, expires_in=300)
            assert (short["session"]["evidence"], short["limited_by"]) == ("declared", "request")
            assert session["AccessKeyId"] in short["url"]
            long = function.link(key=KEY, expires_in=3000)
            assert (long["session"]["evidence"], long["limited_by"]) == ("minted", "request")
            assert session["AccessKeyId"] not in long["url"]
            assert opens(short) and opens(long)


def test_without_credentials_the_response_says_that_there_are_none(start):
    with container_credentials.ContainerCredentials() as endpoint:
        with start(**endpoint.variables()) as function:
            response = function.request(requests.post("/links", {"key": KEY}))
            assert responses.problem_code(response) == "upstream"
            assert "no credentials to sign with" in response.json()["detail"]


def test_the_function_sends_the_token_that_the_credentials_endpoint_requires(start, role):
    with container_credentials.ContainerCredentials() as endpoint:
        endpoint.serve(role.session())
        with start(**endpoint.variables() | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "another token"}) as function:
            assert responses.problem_code(function.request(requests.post("/links", {"key": KEY}))) == "upstream"
        with start(**endpoint.variables()) as function:
            assert opens(function.link(key=KEY))
