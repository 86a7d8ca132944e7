"""A session's death, for real: what the function promised until then, against what the server then did.

The session is of the local AWS and lives a few seconds. It comes from a container credentials endpoint,
which states its end. All the while the function is asked for an hour, and all links are opened. A link
signed by botocore with the same session stands beside them: it shows when the session really dies.

The local AWS has this machine's clock, so nothing is said here about clocks that disagree.
"""

import json
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from local_aws import api_client, promise
from local_lambda import responses, requests, container_credentials, roles, running

BUCKET = "files-of-a-mortal-session"
KEY = "private-files/last will.txt"
CONTENT = b"Read me while you can."

LIFE = timedelta(seconds=10)
# How long before the session's end the function's links end. Stated in the README; not read from the code.
MARGIN = timedelta(seconds=5)
HOUR = 3600


@dataclass
class Opening:
    """One attempt to open a link: when it began, when it was over, and what the server said."""

    began: datetime
    over: datetime
    said: object


@dataclass
class Seen:
    """All that was seen during the life of one session."""

    end: datetime
    access_key_id: str
    asked_at_start: int = 0
    links: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    # By link id; botocore's link is "naive".
    openings: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


def now():
    return datetime.now(timezone.utc)


def opened(url):
    """Open a link; "opened", or the code of the server's refusal."""
    began = now()
    response = api_client.send("GET", url)
    said = (
        "opened"
        if (response.status, response.body) == (200, CONTENT)
        else f"{response.status} {ElementTree.fromstring(response.body).findtext('Code')}"
    )
    return Opening(began, now(), said)


@pytest.fixture(scope="module")
def seen(aws, built):
    """One session from its first second to past its last, and then its successor."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=CONTENT)
    role = roles.Role(aws, "mortal", roles.read_statement(BUCKET))
    with container_credentials.ContainerCredentials() as endpoint:
        mortal = role.session(int(LIFE.total_seconds()))
        endpoint.serve(mortal)
        variables = {
            **endpoint.variables(),
            "AWS_ENDPOINT_URL": aws.url,
            "GRANTS": json.dumps(
                [{"bucket": BUCKET, "prefix": "private-files/", "principals": ["*"], "region": "us-east-1"}]
            ),
        }
        assert "AWS_ACCESS_KEY_ID" not in variables
        with running.LocalLambda("session-death", **variables) as function:
            function.add_secrets(mortal["SecretAccessKey"], mortal["SessionToken"])
            seen = Seen(mortal["Expiration"], mortal["AccessKeyId"])
            live_and_die(function, endpoint, aws.client("s3", mortal), seen)
            endpoint.serve(role.session())
            seen.after = function.link(key=KEY, expires_in=HOUR)
            seen.after["opened"] = opened(seen.after["url"]).said
            return seen


def live_and_die(function, endpoint, mortal_s3, seen):
    """Ask for an hour and open links, over and over, until the session has been dead for a second."""
    naive = mortal_s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": KEY}, ExpiresIn=HOUR)
    while now() < seen.end + timedelta(seconds=1):
        asked_at = now()
        response = function.request(requests.post("/links", {"key": KEY, "expires_in": HOUR}))
        if response.status == 200:
            seen.links.append({**response.json(), "asked_at": asked_at})
        else:
            seen.refusals.append({**response.json(), "asked_at": asked_at})
        seen.asked_at_start = seen.asked_at_start or endpoint.asked
        # The first link and the newest, each until well after its end.
        for link in (seen.links[0], seen.links[-1]):
            seen.openings.setdefault(link["link_id"], []).append(opened(link["url"]))
        seen.openings.setdefault("naive", []).append(opened(naive))
        time.sleep(0.02)


def death(seen):
    """When the server first answered that the session is over."""
    return next(opening.over for opening in seen.openings["naive"] if opening.said == "400 ExpiredToken")


def test_the_session_did_die_while_we_watched(seen):
    """Without this the tests below would prove nothing."""
    said = [opening.said for opening in seen.openings["naive"]]
    assert said[0] == "opened" and said[-1] == "400 ExpiredToken"
    assert abs(death(seen) - seen.end) < timedelta(seconds=2)
    assert len(seen.links) > 20 and len(seen.refusals) > 20


def test_every_link_says_that_the_session_s_end_was_declared_and_is_what_limits_it(seen):
    for link in seen.links:
        assert link["session"]["evidence"] == "declared"
        assert promise.parse_time(link["session"]["expires_at"]) == seen.end
        assert link["proven"] is True
        assert link["limited_by"] == "session"
        assert link["requested_expires_in"] == HOUR


def test_every_promise_ends_before_the_server_says_that_the_session_is_over(seen):
    for link in seen.links:
        assert promise.parse_time(link["expires_at"]) <= seen.end - MARGIN < death(seen)


def test_no_promise_is_shorter_than_it_must_be(seen):
    for link in seen.links:
        assert promise.parse_time(link["expires_at"]) == seen.end - MARGIN


def test_every_link_opens_until_the_very_end_of_its_promise(seen):
    for link in seen.links:
        within = [
            opening
            for opening in seen.openings.get(link["link_id"], [])
            if opening.over <= promise.parse_time(link["expires_at"])
        ]
        assert {opening.said for opening in within} <= {"opened"}
    first = seen.links[0]
    last = max(opening.over for opening in seen.openings[first["link_id"]] if opening.said == "opened")
    # "Right up to it": to within a turn of the loop.
    assert abs(promise.parse_time(first["expires_at"]) - last) < timedelta(seconds=0.5)


def test_a_link_ends_by_its_own_window_and_not_by_the_session_s_death(seen):
    for link in seen.links:
        ends = promise.parse_time(link["expires_at"])
        late = [
            opening
            for opening in seen.openings.get(link["link_id"], [])
            if ends + timedelta(seconds=1) < opening.began < seen.end
        ]
        assert {opening.said for opening in late} <= {"403 AccessDenied"}
    assert any(opening.said == "403 AccessDenied" for opening in seen.openings[seen.links[0]["link_id"]])


def test_botocore_s_link_promised_an_hour_and_died_within_seconds(seen):
    """What the function is there to prevent."""
    opened_until = max(opening.over for opening in seen.openings["naive"] if opening.said == "opened")
    assert opened_until < seen.links[0]["asked_at"] + LIFE + timedelta(seconds=1)


def test_when_less_than_a_second_could_be_promised_there_is_no_link_and_the_answer_says_so(seen):
    last = max(link["asked_at"] for link in seen.links)
    assert all(refusal["asked_at"] > last for refusal in seen.refusals)
    for refusal in seen.refusals:
        assert refusal["code"] == "window-too-short"
        responses.assert_is_problem(refusal, 409)
        assert refusal["available_expires_in"] == 0
        assert refusal["limited_by"] == "session"
        assert promise.parse_time(refusal["session_expires_at"]) == seen.end
    # The last link was still given when a second was left.
    assert last > seen.end - MARGIN - timedelta(seconds=2)


def test_a_stated_end_is_believed_and_the_endpoint_not_asked_again_for_each_link(seen):
    assert seen.asked_at_start == 1


def test_new_credentials_sign_as_soon_as_the_endpoint_has_them(seen):
    assert seen.access_key_id in seen.links[-1]["url"]
    assert seen.access_key_id not in seen.after["url"]
    assert seen.after["session"]["evidence"] == "declared"
    assert seen.after["expires_in"] > HOUR - 60
    assert seen.after["opened"] == "opened"
