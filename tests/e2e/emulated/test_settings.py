"""If a setting is missing or wrong, the log has one sentence that names it.

The function ends before it takes an event. These are mistakes that people make often. The Rust tests cover all
settings and their invalid values.
"""

import json

import pytest
from local_lambda import offline, requests, responses, running


def grants(**changes):
    """One grant as JSON, with `changes`. None removes a field."""
    return json.dumps([{name: value for name, value in {**offline.GRANTS[0], **changes}.items() if value is not None}])


WRONG_SETTINGS = {
    "GRANTS is not set": {"GRANTS": None},
    "GRANTS is blank": {"GRANTS": " "},
    "GRANTS is not JSON": {"GRANTS": "private-files/*"},
    "GRANTS is an object": {"GRANTS": json.dumps(offline.GRANTS[0])},
    "GRANTS is empty": {"GRANTS": "[]"},
    "GRANTS has an unknown field": {"GRANTS": grants(prefixes="a")},
    "GRANTS lacks the prefix": {"GRANTS": grants(prefix=None)},
    "GRANTS has an invalid bucket name": {"GRANTS": grants(bucket="my bucket")},
    "GRANTS names a bucket's ARN": {"GRANTS": grants(bucket="arn:aws:s3:::files")},
    "GRANTS has no principals": {"GRANTS": grants(principals=[])},
    "GRANTS has a max_expires_in of 0": {"GRANTS": grants(max_expires_in=0)},
    "GRANTS has a max_expires_in of more than a week": {"GRANTS": grants(max_expires_in=604801)},
    "GRANTS has an invalid region": {"GRANTS": grants(region="Frankfurt")},
    "AWS_REGION is not set": {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
    "AWS_REGION is the name of a city": {"AWS_REGION": "Frankfurt"},
    "AWS_ENDPOINT_URL_S3 has no scheme": {"AWS_ENDPOINT_URL_S3": "minio:9000"},
    "AWS_ENDPOINT_URL has a password": {"AWS_ENDPOINT_URL": "http://user:password@minio:9000"},
    "SIGNING_ROLE_ARN is a role name": {"SIGNING_ROLE_ARN": "signer", "ASSUMED_SESSION_SECONDS": None},
    "SIGNING_ROLE_ARN and ASSUMED_SESSION_SECONDS": {"SIGNING_ROLE_ARN": "arn:aws:iam::123456789012:role/signer"},
    "ASSUMED_SESSION_SECONDS is 0": {"ASSUMED_SESSION_SECONDS": "0"},
    "ASSUMED_SESSION_SECONDS is negative": {"ASSUMED_SESSION_SECONDS": "-1"},
    "ASSUMED_SESSION_SECONDS is over twelve hours": {"ASSUMED_SESSION_SECONDS": "43201"},
    "ASSUMED_SESSION_SECONDS has a unit": {"ASSUMED_SESSION_SECONDS": "1h"},
    "ALLOW_LONG_TERM_KEYS is yes": {"ALLOW_LONG_TERM_KEYS": "yes"},
    "PUBLIC_URL is a path": {"PUBLIC_URL": "/files"},
    "PUBLIC_URL has a query": {"PUBLIC_URL": "https://example.com/files?a=b"},
    "GRANTS names no object": {"GRANTS": "s3://my-config/"},
    "GRANTS_OBJECT is gone": {"GRANTS_OBJECT": "s3://my-config/grants.json"},
    "MAIL_LINK is gone": {"MAIL_LINK": "direct"},
    "SHARE_OPEN_SECONDS is gone": {"SHARE_OPEN_SECONDS": "120"},
    "BASE_PATH is gone": {"BASE_PATH": "/files"},
    "MAIL_GRANTS names a caller": {"MAIL_GRANTS": grants()},
    "AWS_SECRET_ACCESS_KEY is not set": {"AWS_SECRET_ACCESS_KEY": None},
    "AWS_CREDENTIAL_EXPIRATION is not a time": {"AWS_CREDENTIAL_EXPIRATION": "in an hour"},
    "AWS_USE_FIPS_ENDPOINT is 1": {"AWS_USE_FIPS_ENDPOINT": "1"},
    "AWS_USE_DUALSTACK_ENDPOINT is on": {"AWS_USE_DUALSTACK_ENDPOINT": "on"},
}


@pytest.mark.parametrize("mistake, changes", WRONG_SETTINGS.items(), ids=WRONG_SETTINGS)
def test_a_wrong_setting_stops_the_function_with_one_sentence_that_names_it(built, mistake, changes):
    with running.LocalLambda("emulated-settings", **offline.environment(**changes)) as function:
        assert function.invoke({}) is None, "the function started"
        # The emulator starts a function that failed again, so the log may have the line more than once.
        lines = {(line["level"], line["message"], line["reason"]) for line in function.log_entries()}
        assert len(lines) == 1, lines
        [(level, message, reason)] = lines
        assert (level, message) == ("ERROR", "a setting is missing or wrong")
        assert reason.startswith(mistake.split()[0]), reason
        assert "\n" not in reason and len(reason) < 400, reason
        assert "password@" not in function.log_text()
        assert "panicked" not in function.log_text()


def test_an_empty_setting_counts_as_not_set(built):
    gone = ("BASE_PATH", "MAIL_SUBJECT")
    empty = dict.fromkeys(("SIGNING_ROLE_ARN", "ALLOW_LONG_TERM_KEYS", "AWS_USE_FIPS_ENDPOINT", *gone), "")
    with running.LocalLambda("emulated-settings", **offline.environment(**empty)) as function:
        assert function.link(key="private-files/a")["url"]


def test_without_evidence_there_is_no_link_and_the_response_names_three_remedies(built, refusing_aws):
    variables = offline.environment(ASSUMED_SESSION_SECONDS=None, AWS_ENDPOINT_URL_STS=refusing_aws.url)
    with running.LocalLambda("emulated-unproven", **variables) as function:
        response = function.request(requests.post("/links", {"key": "private-files/a"}))
        assert responses.problem_code(response) == "session-unproven"
        for remedy in ("enable-outbound-web-identity-federation", "SIGNING_ROLE_ARN", "ASSUMED_SESSION_SECONDS"):
            assert remedy in response.json()["detail"]
        assert [
            line for line in function.log_entries() if line.get("level") == "ERROR" and line["code"] == "session-unproven"
        ]


def test_long_term_keys_sign_only_if_the_operator_allows_it(built, refusing_aws):
    keys = {"AWS_SESSION_TOKEN": None, "ASSUMED_SESSION_SECONDS": None, "AWS_ENDPOINT_URL_STS": refusing_aws.url}
    with running.LocalLambda("emulated-keys", **offline.environment(**keys)) as function:
        response = function.request(requests.post("/links", {"key": "private-files/a"}))
        assert responses.problem_code(response) == "session-unproven"
        assert "long-term key" in response.json()["detail"]
    with running.LocalLambda("emulated-keys", **offline.environment(ALLOW_LONG_TERM_KEYS="true", **keys)) as function:
        link = function.link(key="private-files/a")
        assert link["session"] == {"evidence": "unlimited"}
        assert "X-Amz-Security-Token" not in link["url"]


def test_the_placeholder_that_sam_passes_without_credentials_signs_nothing(built, refusing_aws):
    keys = {"AWS_ACCESS_KEY_ID": "defaultkey", "AWS_SECRET_ACCESS_KEY": "defaultsecret", "AWS_SESSION_TOKEN": None}
    others = {"ALLOW_LONG_TERM_KEYS": "true", "AWS_ENDPOINT_URL_STS": refusing_aws.url}
    with running.LocalLambda("emulated-placeholder", **offline.environment(**keys, **others)) as function:
        response = function.request(requests.post("/links", {"key": "private-files/a"}))
        assert responses.problem_code(response) == "session-unproven"
        assert "AWS_PROFILE" in response.json()["detail"]


def test_a_bucket_without_an_endpoint_is_reported_as_a_wrong_setting(built):
    """There are no FIPS endpoints in China, so this grant and this setting contradict each other."""
    variables = offline.environment(GRANTS=grants(bucket="files-cn", region="cn-north-1"), AWS_USE_FIPS_ENDPOINT="true")
    with running.LocalLambda("emulated-misconfigured", **variables) as function:
        response = function.request(requests.post("/links", {"key": "private-files/a"}))
        assert (response.status, responses.problem_code(response)) == (500, "misconfigured")
        assert '"files-cn"' in response.json()["detail"]
        assert [line for line in function.log_entries() if line.get("code") == "misconfigured"]
