"""Each way to know a session's end that the local AWS can show, from the built function's start to an opened link.

Not `attested`: the local AWS's tokens lack the claim. That is tested in Rust, against an STS of our own.
"""

import json
from datetime import timedelta

import pytest
from local_aws import api_client, promise
from local_lambda import responses, requests, container_credentials, roles, running

BUCKET = "files-of-other-sessions"
KEY = "private-files/a.txt"
CONTENT = b"opened"


@pytest.fixture(scope="module")
def role(aws, built):
    """May read the files, and be assumed by itself: the role that the template makes."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
    may_assume = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:GetWebIdentityToken"], "Resource": "*"}
    return roles.Role(aws, "other-sessions", roles.read_statement(BUCKET), may_assume)


@pytest.fixture(scope="module")
def start(aws, role):
    """Starts a function on the local AWS that serves the bucket."""
    grants = json.dumps([{"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}])

    def start(**variables):
        return running.LocalLambda("evidence", AWS_ENDPOINT_URL=aws.url, GRANTS=grants, **variables)

    return start


def opens(link):
    return api_client.send("GET", link["url"]).body == CONTENT


def test_minted_when_nothing_states_the_end_but_a_role_may_be_assumed(start, role):
    """As in Lambda: credentials in the environment, without an end."""
    session = role.session()
    with start(**roles.environment_variables(session), SIGNING_ROLE_ARN=role.arn) as function:
        link = function.link(key=KEY, expires_in=3600)
        assert (link["session"]["evidence"], link["proven"], link["limited_by"]) == ("minted", True, "session")
        assert promise.parse_time(link["expires_at"]) == promise.parse_time(link["session"]["expires_at"]) - timedelta(
            seconds=5
        )
        assert 3590 <= link["expires_in"] <= 3595
        # Another session signs than the one that was handed in.
        assert session["AccessKeyId"] not in link["url"]
        assert opens(link)
        # One session serves all links that it can.
        again = function.link(key=KEY, expires_in=60)
        assert again["session"] == link["session"]
        assert again["limited_by"] == "request"


def test_the_doctor_tells_who_signs_by_what_evidence_and_for_how_long(start, role):
    with start(**roles.environment_variables(role.session()), SIGNING_ROLE_ARN=role.arn) as function:
        session = function.request(requests.get("/session")).json()
        assert ":assumed-role/other-sessions/" in session["signer"]["arn"]
        assert (session["session"]["evidence"], session["proven"]) == ("minted", True)
        assert 3590 <= session["available"]["expires_in"] <= 3595
        # And what would have been better.
        assert any(
            "the token STS issued does not prove the session's end" in finding for finding in session["findings"]
        )


def test_a_role_that_may_not_be_assumed_is_named_as_what_to_mend(start, role):
    stranger = role.arn.replace("other-sessions", "nobody-s-role")
    with start(**roles.environment_variables(role.session()), SIGNING_ROLE_ARN=stranger) as function:
        response = function.request(requests.post("/links", {"key": KEY}))
        assert responses.problem_code(response) == "session-unproven"
        assert "STS refused AssumeRole on SIGNING_ROLE_ARN (AccessDenied" in response.json()["detail"]


def test_with_nothing_proven_there_is_no_link(start, role):
    with start(**roles.environment_variables(role.session())) as function:
        for event in (requests.post("/links", {"key": KEY}), requests.get("/download", {"key": KEY})):
            assert responses.problem_code(function.request(event)) == "session-unproven"
        [entry] = function.batch([{"key": KEY}])
        assert entry["code"] == "session-unproven"


def test_an_assumed_end_is_used_only_where_the_operator_set_it_and_never_called_proven(start, role):
    with start(**roles.environment_variables(role.session()), ASSUMED_SESSION_SECONDS="600") as function:
        link = function.link(key=KEY, expires_in=3600)
        assert (link["session"]["evidence"], link["proven"], link["limited_by"]) == ("assumed", False, "session")
        assert 590 <= link["expires_in"] <= 595
        assert opens(link)


def test_an_end_stated_beside_the_credentials_counts_on_a_laptop_and_not_inside_lambda(start, role):
    session = role.session(600)
    stated = {**roles.environment_variables(session), "AWS_CREDENTIAL_EXPIRATION": session["Expiration"].isoformat()}
    with start(**stated) as function:
        link = function.link(key=KEY)
        assert link["session"]["evidence"] == "declared"
        assert promise.parse_time(link["session"]["expires_at"]) == session["Expiration"]
        assert opens(link)
    # Lambda sets this one, always; the emulator leaves it to us.
    with start(**stated, AWS_LAMBDA_INITIALIZATION_TYPE="on-demand") as function:
        assert responses.problem_code(function.request(requests.post("/links", {"key": KEY}))) == "session-unproven"


def test_a_longer_session_is_minted_only_when_the_declared_one_can_not_keep_what_is_asked(start, role):
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


def test_without_credentials_the_answer_says_that_there_are_none(start):
    with container_credentials.ContainerCredentials() as endpoint:
        with start(**endpoint.variables()) as function:
            response = function.request(requests.post("/links", {"key": KEY}))
            assert responses.problem_code(response) == "upstream"
            assert "no credentials to sign with" in response.json()["detail"]


def test_the_endpoint_s_token_is_needed_and_is_sent(start, role):
    with container_credentials.ContainerCredentials() as endpoint:
        endpoint.serve(role.session())
        with start(**endpoint.variables() | {"AWS_CONTAINER_AUTHORIZATION_TOKEN": "another token"}) as function:
            assert responses.problem_code(function.request(requests.post("/links", {"key": KEY}))) == "upstream"
        with start(**endpoint.variables()) as function:
            assert opens(function.link(key=KEY))
