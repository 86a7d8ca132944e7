"""The function's response to every HTTP event in events/: the status, and what the response contains.

These tests call the function directly. The tests in deployed/ cover what API Gateway lets through.
"""

import json
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from local_lambda import requests, responses


def switched_off(gateway):
    """Where shares and uploads are off, their routes are none.

    test_shares covers a function with shares, and tests/function/uploads one with uploads.
    """
    names = [name.removeprefix(f"{gateway}/") for name in requests.fixtures() if name.startswith(f"{gateway}/")]
    off = [name for name in names if requests.is_about_shares(name) or requests.is_about_uploads(name)]
    return dict.fromkeys(off, "no-such-route")


# The expected response to each file: a status, or the code of a problem.
GATEWAYS = {
    "http-api": {
        "post-links": 200,
        "post-links-batch": 200,
        "get-download": 303,
        "get-session": 200,
        "post-links-by-an-assumed-role": 200,
        "post-links-identity-pool": 200,
        "post-links-identity-pool-guest": "unauthenticated",
        "post-links-jwt": 200,
        "post-links-jwt-groups": 200,
        "post-links-lambda-authorizer": 200,
        "post-links-mutual-tls": 200,
        "post-links-base64-body": 200,
        "get-download-encoded-query": 303,
        "get-download-signed-in-query": 303,
        "default-route-post-links": 200,
        "default-route-with-stage-prefix": 200,
        "post-links-with-stage-prefix": 200,
        "post-links-lambda-authorizer-without-principal": "unauthenticated",
        "post-links-without-authorizer": "unauthenticated",
        "post-links-not-granted": "not-granted",
        "post-links-malformed-body": "invalid-request",
        "post-links-without-body": "invalid-request",
        "post-links-broken-base64-body": "invalid-request",
        "get-download-repeated-query": "invalid-request",
        "post-links-dot-segment-in-key": "key-not-linkable",
        "post-links-window-too-short": "window-too-short",
        "unknown-route": "no-such-route",
        "wrong-method": "method-not-allowed",
        # An HTTP API responds to preflight requests itself if CORS is configured. Otherwise the function gets them.
        "preflight": "method-not-allowed",
        **switched_off("http-api"),
    },
    "http-api-payload-1": {"post-links-jwt": 200, "post-links-jwt-groups": 200, **switched_off("http-api-payload-1")},
    "rest-api": {
        "post-links": 200,
        "post-links-batch": 200,
        "get-download": 303,
        "get-session": 200,
        "post-links-cognito": 200,
        "post-links-cognito-groups": 200,
        "post-links-lambda-authorizer": 200,
        "post-links-mutual-tls": 200,
        "post-links-base64-body": 200,
        "get-download-encoded-query": 303,
        "proxy-resource-post-links": 200,
        # What stands for {proxy+} is the route, whatever the domain maps before it.
        "proxy-resource-custom-domain-base-path": 200,
        "custom-domain-base-path-post-links": 200,
        "console-test-get-session": 200,
        "post-links-without-authorizer": "unauthenticated",
        "post-links-not-granted": "not-granted",
        "post-links-malformed-body": "invalid-request",
        "post-links-without-body": "invalid-request",
        "get-download-repeated-query": "invalid-request",
        "unknown-route": "no-such-route",
        "wrong-method": "method-not-allowed",
        **switched_off("rest-api"),
    },
    "function-url": {
        "post-links": 200,
        "post-links-batch": 200,
        "get-download": 303,
        "get-session": 200,
        "post-links-base64-body": 200,
        "get-download-encoded-query": 303,
        "post-links-without-authorizer": "unauthenticated",
        "post-links-not-granted": "not-granted",
        # Everybody who comes through CloudFront, whom no "*" means.
        "post-links-origin-access-control": "not-granted",
        "post-links-malformed-body": "invalid-request",
        "get-download-repeated-query": "invalid-request",
        "behind-a-base-path-get-download": "no-such-route",
        "unknown-route": "no-such-route",
        "wrong-method": "method-not-allowed",
        **switched_off("function-url"),
    },
}
EXPECTED = {f"{gateway}/{name}": expected for gateway, files in GATEWAYS.items() for name, expected in files.items()}

# With /files as the path of PUBLIC_URL these paths are routes too. The other responses do not change.
EXPECTED_WITH_BASE_PATH = EXPECTED | {
    "function-url/behind-a-base-path-get-download": 303,
}

# Requests of senders that the function does not serve are answered, and the response says what to do instead.
ANSWERED = {
    "not-http/websocket-connect": "no HTTP method",
    "not-http/load-balancer": "an Application Load Balancer",
    "not-http/vpc-lattice": "VPC Lattice",
    "not-http/vpc-lattice-version-2": "VPC Lattice",
}
NOT_HTTP = [name for name in requests.fixtures() if name.startswith(requests.NON_HTTP_EVENTS)]


def assert_expected(response, expected):
    if isinstance(expected, int):
        assert response.status == expected, response
    else:
        assert (response.status, responses.problem_code(response)) == (responses.PROBLEM_STATUSES[expected], expected), response


def test_every_file_in_events_is_tested():
    # Events about objects are tested in test_mail_events, and questions to the doctor in test_doctor.
    others = requests.NON_HTTP_EVENTS + requests.OBJECT_EVENTS + requests.DOCTOR_EVENTS
    assert sorted(EXPECTED) == [name for name in requests.fixtures() if not name.startswith(others)]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_http_event_has_the_expected_response(function, name):
    assert_expected(function.request(requests.fixture(name)), EXPECTED[name])


@pytest.mark.parametrize("name", EXPECTED_WITH_BASE_PATH)
def test_with_a_base_path_every_http_event_has_the_expected_response(function_with_base_path, name):
    assert_expected(function_with_base_path.request(requests.fixture(name)), EXPECTED_WITH_BASE_PATH[name])


@pytest.mark.parametrize("name", [name for name in NOT_HTTP if name not in ANSWERED])
def test_an_event_that_is_not_http_fails_the_invocation_so_that_its_sender_notices(function, name):
    failure = function.invoke(requests.fixture(name))
    assert failure["errorType"] == "UnknownEvent"
    assert failure["errorMessage"].startswith("this event is none of an HTTP API")


@pytest.mark.parametrize("name", ANSWERED)
def test_a_request_of_another_sender_is_answered_with_what_it_is(function, name):
    response = function.request(requests.fixture(name))
    assert_expected(response, "invalid-request")
    assert ANSWERED[name] in response.json()["detail"]


def test_the_same_request_has_the_same_link_at_every_gateway(function):
    """The same except for the link id, the time and the signature."""
    links = [
        function.request(requests.fixture(f"{gateway}/post-links")).json()
        for gateway in ("http-api", "rest-api", "function-url")
    ]
    for link in links:
        requested = json.loads(requests.fixture("http-api/post-links")["body"])
        assert (link["key"], link["expires_in"]) == (requested["key"], requested["expires_in"])
    assert len({link["link_id"] for link in links}) == 3
    assert len({without_variable_parts(link["url"]) for link in links}) == 1


def test_a_base64_body_has_the_same_link_as_a_plain_body(function):
    for gateway in ("http-api", "rest-api", "function-url"):
        plain, encoded = (
            function.request(requests.fixture(f"{gateway}/post-links{kind}")).json() for kind in ("", "-base64-body")
        )
        assert without_variable_parts(plain["url"]) == without_variable_parts(encoded["url"])


def without_variable_parts(url):
    parts = urlsplit(url)
    variable = ("x-link-id", "X-Amz-Date", "X-Amz-Credential", "X-Amz-Signature")
    kept = {name: value for name, value in parse_qs(parts.query).items() if name not in variable}
    return json.dumps([parts.netloc, parts.path, kept], sort_keys=True)


@pytest.mark.parametrize("gateway", ["http-api", "rest-api", "function-url"])
def test_an_encoded_query_has_the_same_key_at_every_gateway(function, gateway):
    location = function.request(requests.fixture(f"{gateway}/get-download-encoded-query")).headers["location"]
    assert unquote(urlsplit(location).path) == "/private-files/Résumé 2026 & 100%+.pdf"


@pytest.mark.parametrize("gateway", ["http-api", "rest-api", "function-url"])
def test_the_entries_of_a_batch_response_are_in_the_order_of_the_request(function, gateway):
    entries = function.request(requests.fixture(f"{gateway}/post-links-batch")).json()["links"]
    assert [entry.get("code") for entry in entries] == [
        None,
        None,
        "not-granted",
        "key-not-linkable",
        "invalid-request",
    ]
    assert entries[1]["key"] == "private-files/2026/November/invoice 17.pdf"
    assert entries[1]["expires_in"] == 600
    assert "links[4]" in entries[4]["detail"] and "kye" in entries[4]["detail"]
    for problem in entries[2:]:
        responses.assert_is_problem(problem, problem["status"])


@pytest.mark.parametrize("gateway", ["http-api", "rest-api", "function-url"])
def test_for_a_malformed_body_the_response_says_where_it_ends(function, gateway):
    detail = function.request(requests.fixture(f"{gateway}/post-links-malformed-body")).json()["detail"]
    assert detail == "EOF while parsing an object at line 1 column 53"


@pytest.mark.parametrize(
    "name, principal",
    {
        "http-api/post-links": "arn:aws:iam::123456789012:user/alice",
        "http-api/post-links-by-an-assumed-role": "arn:aws:sts::123456789012:assumed-role/reader/alice",
        "http-api/post-links-jwt": "248289761001",
        "http-api/post-links-lambda-authorizer": "alice",
        "http-api-payload-1/post-links-jwt": "248289761001",
        "rest-api/post-links": "arn:aws:iam::123456789012:user/alice",
        "rest-api/post-links-cognito": "3f2a1b6c-7d8e-4f90-a1b2-c3d4e5f60718",
        "rest-api/post-links-lambda-authorizer": "alice",
        "function-url/post-links": "arn:aws:iam::123456789012:user/alice",
    }.items(),
)
def test_the_logged_principal_is_the_one_that_the_gateway_authenticated(function, name, principal):
    link = function.request(requests.fixture(name)).json()
    [line] = [line for line in function.log_entries() if line.get("link_id") == link["link_id"]]
    assert line["principal"] == principal


def test_get_session_describes_the_session_and_contains_no_secret(function):
    session = function.request(requests.fixture("http-api/get-session")).json()
    assert session["signer"]["credentials"] == "session"
    assert session["signer"]["access_key_id_ends_with"] == "MPLE"
    assert session["session"]["evidence"] == "assumed"
    assert session["proven"] is False
    # STS refused to say whose credentials these are, and the findings say so.
    assert session["signer"]["arn"] is None
    assert any("STS could not be asked who signs" in finding for finding in session["findings"])


def test_signing_sends_no_request_to_aws(function, refusing_aws):
    # The function asks STS for evidence when it starts, which is at its first event.
    function.link(key="private-files/a")
    refusing_aws.take_calls()
    assert function.request(requests.fixture("http-api/post-links")).status == 200
    assert function.request(requests.fixture("http-api/get-download")).status == 303
    assert refusing_aws.calls() == []


def test_an_unauthenticated_caller_learns_nothing_about_the_session(function):
    response = function.request(requests.get("/session", principal=None))
    assert_expected(response, "unauthenticated")
