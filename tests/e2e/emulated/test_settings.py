"""What a person sees in the log when a setting is missing or wrong: one sentence that names it.

Started for real, in the runtime emulator: the process ends before it takes an event. Which values are
wrong is tested in Rust, exhaustively; here are those that people get wrong.
"""

import json

import pytest
from local_lambda import offline, responses, requests, running


def grants(**changes):
    """One grant as JSON, with changes; None takes a field away."""
    return json.dumps([{name: value for name, value in {**offline.GRANTS[0], **changes}.items() if value is not None}])


WRONG = {
    "GRANTS is not set": {"GRANTS": None},
    "GRANTS is set to nothing": {"GRANTS": " "},
    "GRANTS is no JSON": {"GRANTS": "private-files/*"},
    "GRANTS is an object": {"GRANTS": json.dumps(offline.GRANTS[0])},
    "GRANTS is empty": {"GRANTS": "[]"},
    "GRANTS has a field nobody knows": {"GRANTS": grants(prefixes="a")},
    "GRANTS lacks the prefix": {"GRANTS": grants(prefix=None)},
    "GRANTS has an impossible bucket": {"GRANTS": grants(bucket="My_Bucket")},
    "GRANTS admits nobody": {"GRANTS": grants(principals=[])},
    "GRANTS allows no time at all": {"GRANTS": grants(max_expires_in=0)},
    "GRANTS allows more than a signature can": {"GRANTS": grants(max_expires_in=604801)},
    "GRANTS has a region that is none": {"GRANTS": grants(region="Frankfurt")},
    "AWS_REGION is not set": {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    "SIGNING_ROLE_ARN is a name": {"SIGNING_ROLE_ARN": "signer", "ASSUMED_SESSION_SECONDS": None},
    "SIGNING_ROLE_ARN and ASSUMED_SESSION_SECONDS": {"SIGNING_ROLE_ARN": "arn:aws:iam::123456789012:role/signer"},
    "ASSUMED_SESSION_SECONDS is 0": {"ASSUMED_SESSION_SECONDS": "0"},
    "ASSUMED_SESSION_SECONDS is negative": {"ASSUMED_SESSION_SECONDS": "-1"},
    "ASSUMED_SESSION_SECONDS is over twelve hours": {"ASSUMED_SESSION_SECONDS": "43201"},
    "ASSUMED_SESSION_SECONDS has a unit": {"ASSUMED_SESSION_SECONDS": "1h"},
    "ALLOW_LONG_TERM_KEYS is yes": {"ALLOW_LONG_TERM_KEYS": "yes"},
    "BASE_PATH is a slash": {"BASE_PATH": "/"},
    "BASE_PATH has a query": {"BASE_PATH": "/files?a=b"},
    "AWS_SECRET_ACCESS_KEY is not set": {"AWS_SECRET_ACCESS_KEY": None},
    "AWS_CREDENTIAL_EXPIRATION is no instant": {"AWS_CREDENTIAL_EXPIRATION": "in an hour"},
    "AWS_USE_FIPS_ENDPOINT is 1": {"AWS_USE_FIPS_ENDPOINT": "1"},
    "AWS_USE_DUALSTACK_ENDPOINT is on": {"AWS_USE_DUALSTACK_ENDPOINT": "on"},
}


@pytest.mark.parametrize("what, changes", WRONG.items(), ids=WRONG)
def test_a_wrong_setting_stops_the_function_with_one_sentence_that_names_it(built, what, changes):
    with running.LocalLambda("emulated-settings", **offline.environment(**changes)) as function:
        assert function.invoke({}) is None, "the function started"
        # Lambda tries again, so the same line may be there more than once.
        lines = {(line["level"], line["message"], line["reason"]) for line in function.log_entries()}
        assert len(lines) == 1, lines
        [(level, message, reason)] = lines
        assert (level, message) == ("ERROR", "a setting is missing or wrong")
        assert reason.startswith(what.split()[0]), reason
        assert "\n" not in reason and len(reason) < 400, reason
        assert "panicked" not in function.log_text()


def test_a_setting_that_is_set_to_nothing_counts_as_not_set(built):
    nothing = dict.fromkeys(("SIGNING_ROLE_ARN", "BASE_PATH", "ALLOW_LONG_TERM_KEYS", "AWS_USE_FIPS_ENDPOINT"), "")
    with running.LocalLambda("emulated-settings", **offline.environment(**nothing)) as function:
        assert function.link(key="private-files/a")["url"]


def test_without_any_evidence_there_is_no_link_and_the_operator_is_told_the_three_ways_out(built, refusing_aws):
    variables = offline.environment(ASSUMED_SESSION_SECONDS=None, AWS_ENDPOINT_URL_STS=refusing_aws.url)
    with running.LocalLambda("emulated-unproven", **variables) as function:
        response = function.request(requests.post("/links", {"key": "private-files/a"}))
        assert responses.problem_code(response) == "session-unproven"
        for way in ("enable-outbound-web-identity-federation", "SIGNING_ROLE_ARN", "ASSUMED_SESSION_SECONDS"):
            assert way in response.json()["detail"]
        assert [
            line for line in function.log_entries() if line.get("level") == "ERROR" and line["code"] == "session-unproven"
        ]


def test_long_term_keys_sign_only_when_the_operator_allows_it(built, refusing_aws):
    keys = {"AWS_SESSION_TOKEN": None, "ASSUMED_SESSION_SECONDS": None, "AWS_ENDPOINT_URL_STS": refusing_aws.url}
    with running.LocalLambda("emulated-keys", **offline.environment(**keys)) as function:
        response = function.request(requests.post("/links", {"key": "private-files/a"}))
        assert responses.problem_code(response) == "session-unproven"
        assert "long-term key" in response.json()["detail"]
    with running.LocalLambda("emulated-keys", **offline.environment(ALLOW_LONG_TERM_KEYS="true", **keys)) as function:
        link = function.link(key="private-files/a")
        assert link["session"] == {"evidence": "unlimited"}
        assert "X-Amz-Security-Token" not in link["url"]
