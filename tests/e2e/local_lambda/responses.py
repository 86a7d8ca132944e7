"""Checks what every response of the function must have: a status, valid headers, and a body of the right type.

Each test checks for itself whether it is the right response.
"""

import json
import re

from local_aws import api_client

# The status of each problem code.
PROBLEM_STATUSES = {
    "invalid-request": 400,
    "unauthenticated": 401,
    "not-granted": 403,
    "no-such-route": 404,
    "method-not-allowed": 405,
    "window-too-short": 409,
    "answer-too-large": 413,
    "key-not-linkable": 422,
    "object-unavailable": 422,
    "internal": 500,
    "misconfigured": 500,
    "upstream": 502,
    "policy-unreadable": 503,
    "session-unproven": 503,
}

# RFC 9110's characters for a header value. Any other character could end the header and begin another one.
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def parse(invoked):
    """The HTTP response in what the function returned to Lambda. Fails if it isn't a valid one."""
    assert isinstance(invoked, dict), f"not an HTTP response: {invoked!r}"
    # Payload 2.0 has cookies; payload 1.0 has them among the headers with several values.
    assert set(invoked) - {"cookies"} == {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
    assert not invoked.get("cookies") and not invoked["multiValueHeaders"]
    assert invoked["isBase64Encoded"] is False
    headers, body = invoked["headers"], invoked["body"]
    for name, value in headers.items():
        assert name == name.lower() and HEADER_VALUE.fullmatch(value), f"{name}: {value!r}"
    assert headers["cache-control"] == "no-store"
    response = api_client.Response(invoked["statusCode"], headers, body.encode())
    if response.status == 303:
        assert headers["location"].startswith("http") and body == ""
    elif response.status == 200:
        assert headers["content-type"] == "application/json"
        assert isinstance(response.json(), dict)
    else:
        assert headers["content-type"] == "application/problem+json"
        assert_is_problem(response.json(), response.status)
        assert ("allow" in headers) == (response.status == 405)
    return response


def assert_is_problem(problem, status):
    """Check that it is a problem (RFC 9457) with one of the function's codes, and with that code's status."""
    assert {"type", "title", "status", "detail", "code"} <= set(problem), problem
    assert PROBLEM_STATUSES[problem["code"]] == problem["status"] == status, problem
    assert problem["type"] == f"urn:problem-type:s3-link-signer:{problem['code']}"
    assert problem["title"] and problem["detail"]


def problem_code(response):
    """The code of a problem. None if the response is not a problem."""
    return json.loads(response.body).get("code") if response.status >= 400 else None
