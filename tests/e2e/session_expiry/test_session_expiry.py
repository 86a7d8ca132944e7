"""The function's promises during the life of a session, compared with what a server does until the session has ended.

The session is of the local AWS and lasts some seconds. A container credentials endpoint provides it and states its
end. Until the session has ended, the test asks the function for links of an hour and opens them. It also opens a
link that botocore signed with the same session. That link shows when the session really ends.

The local AWS has this machine's clock, so these tests say nothing about clocks that differ.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from local_aws import api_client, promise
from local_lambda import container_credentials, requests, responses, roles, running

BUCKET = "files-of-a-short-session"
KEY = "private-files/short-lived.txt"
CONTENT = b"This file can be read until the session ends."

LIFETIME = timedelta(seconds=10)
# The function's links end this long before the session. The value is the README's, not the code's.
MARGIN = timedelta(seconds=5)
HOUR = 3600
# The key of botocore's link in `Observations.attempts`.
BOTOCORE = "botocore"


@dataclass
class Attempt:
    """One attempt to open a link."""

    began: datetime
    ended: datetime
    # "opened", or the status and code of the server's refusal.
    result: str


@dataclass
class Observations:
    """Everything that was observed during the life of one session."""

    end: datetime
    access_key_id: str
    requests_at_start: int = 0
    links: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    # Lists of attempts by link id, and by BOTOCORE for its link.
    attempts: dict = field(default_factory=dict)
    # A link of the next session.
    next_link: dict = field(default_factory=dict)


def now():
    return datetime.now(timezone.utc)


def open_link(url):
    """Try to open a link."""
    began = now()
    response = api_client.send("GET", url)
    result = (
        "opened"
        if (response.status, response.body) == (200, CONTENT)
        else f"{response.status} {ElementTree.fromstring(response.body).findtext('Code')}"
    )
    return Attempt(began, now(), result)


@pytest.fixture(scope="module")
def observed(aws, built):
    """One session from its start until after its end, and one link of the next session."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
    role = roles.Role(aws, "short-session", roles.read_statement(BUCKET))
    with container_credentials.ContainerCredentials() as endpoint:
        session = role.session(int(LIFETIME.total_seconds()))
        endpoint.serve(session)
        variables = {
            **endpoint.variables(),
            "AWS_ENDPOINT_URL": aws.url,
            "GRANTS": json.dumps(
                [{"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}]
            ),
        }
        assert "AWS_ACCESS_KEY_ID" not in variables
        with running.LocalLambda("session-expiry", **variables) as function:
            function.add_secrets(session["SecretAccessKey"], session["SessionToken"])
            observed = Observations(session["Expiration"], session["AccessKeyId"])
            observe_until_expired(function, endpoint, aws.client("s3", session), observed)
            endpoint.serve(role.session())
            observed.next_link = function.link(key=KEY, expires_in=HOUR)
            observed.next_link["result"] = open_link(observed.next_link["url"]).result
            return observed


def observe_until_expired(function, endpoint, session_s3, observed):
    """Ask for links of an hour and open them, until one second after the session's end."""
    botocore_url = session_s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=HOUR)
    while now() < observed.end + timedelta(seconds=1):
        requested_at = now()
        response = function.request(requests.post("/links", {"key": KEY, "expires_in": HOUR}))
        if response.status == 200:
            observed.links.append({**response.json(), "requested_at": requested_at})
        else:
            observed.refusals.append({**response.json(), "requested_at": requested_at})
        observed.requests_at_start = observed.requests_at_start or endpoint.requests
        # The first link and the newest link are opened until well after their ends.
        for link in (observed.links[0], observed.links[-1]):
            observed.attempts.setdefault(link["link_id"], []).append(open_link(link["url"]))
        observed.attempts.setdefault(BOTOCORE, []).append(open_link(botocore_url))
        time.sleep(0.02)


def expiry_seen(observed):
    """The time at which the server first answered that the session has ended."""
    return next(attempt.ended for attempt in observed.attempts[BOTOCORE] if attempt.result == "400 ExpiredToken")


def test_the_session_ended_while_the_links_were_opened(observed):
    """Otherwise the other tests would prove nothing."""
    results = [attempt.result for attempt in observed.attempts[BOTOCORE]]
    assert results[0] == "opened" and results[-1] == "400 ExpiredToken"
    assert abs(expiry_seen(observed) - observed.end) < timedelta(seconds=2)
    assert len(observed.links) > 20 and len(observed.refusals) > 20


def test_every_link_states_that_the_session_end_was_declared_and_limits_it(observed):
    for link in observed.links:
        assert link["session"]["evidence"] == "declared"
        assert promise.parse_time(link["session"]["expires_at"]) == observed.end
        assert link["proven"] is True
        assert link["limited_by"] == "session"
        assert link["requested_expires_in"] == HOUR


def test_every_promise_ends_before_the_server_refuses_the_session(observed):
    for link in observed.links:
        assert promise.parse_time(link["expires_at"]) <= observed.end - MARGIN < expiry_seen(observed)


def test_no_promise_is_shorter_than_necessary(observed):
    for link in observed.links:
        assert promise.parse_time(link["expires_at"]) == observed.end - MARGIN


def test_every_link_opens_until_the_end_of_its_promise(observed):
    for link in observed.links:
        before_end = [
            attempt
            for attempt in observed.attempts.get(link["link_id"], [])
            if attempt.ended <= promise.parse_time(link["expires_at"])
        ]
        assert {attempt.result for attempt in before_end} <= {"opened"}
    first = observed.links[0]
    last = max(attempt.ended for attempt in observed.attempts[first["link_id"]] if attempt.result == "opened")
    # The last success comes at most about one turn of the loop before the promised end.
    assert abs(promise.parse_time(first["expires_at"]) - last) < timedelta(seconds=0.5)


def test_a_link_ends_at_its_own_expiry_and_not_when_the_session_ends(observed):
    for link in observed.links:
        ends = promise.parse_time(link["expires_at"])
        late = [
            attempt
            for attempt in observed.attempts.get(link["link_id"], [])
            if ends + timedelta(seconds=1) < attempt.began < observed.end
        ]
        assert {attempt.result for attempt in late} <= {"403 AccessDenied"}
    assert any(attempt.result == "403 AccessDenied" for attempt in observed.attempts[observed.links[0]["link_id"]])


def test_the_link_of_botocore_promises_an_hour_and_ends_within_seconds(observed):
    """The function exists to prevent this."""
    opened_until = max(attempt.ended for attempt in observed.attempts[BOTOCORE] if attempt.result == "opened")
    assert opened_until < observed.links[0]["requested_at"] + LIFETIME + timedelta(seconds=1)


def test_with_less_than_a_second_left_the_response_is_a_problem_that_says_so(observed):
    last = max(link["requested_at"] for link in observed.links)
    assert observed.refusals, "the last requests are refused"
    assert all(refusal["requested_at"] > last for refusal in observed.refusals)
    for refusal in observed.refusals:
        assert refusal["code"] == "window-too-short"
        responses.assert_is_problem(refusal, 409)
        assert refusal["available_expires_in"] == 0
        assert refusal["limited_by"] == "session"
        assert promise.parse_time(refusal["session_expires_at"]) == observed.end
    # The last link was given when a second was left.
    assert last > observed.end - MARGIN - timedelta(seconds=2)


def test_a_declared_end_is_kept_and_the_endpoint_is_not_asked_again_for_each_link(observed):
    assert observed.requests_at_start == 1


def test_new_credentials_sign_as_soon_as_the_endpoint_returns_them(observed):
    assert observed.access_key_id in observed.links[-1]["url"]
    assert observed.access_key_id not in observed.next_link["url"]
    assert observed.next_link["session"]["evidence"] == "declared"
    assert observed.next_link["expires_in"] > HOUR - 60
    assert observed.next_link["result"] == "opened"
