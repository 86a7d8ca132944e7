"""What every answer of the function has, whatever was asked: a status, headers, and a body of the right kind.

Whether it is the right answer is for each test to say.
"""

import json
import re

from local_aws import calling

# The codes of problems and the status each always has.
PROBLEMS = {
    "invalid-request": 400,
    "unauthenticated": 401,
    "not-granted": 403,
    "no-such-route": 404,
    "method-not-allowed": 405,
    "window-too-short": 409,
    "answer-too-large": 413,
    "key-not-linkable": 422,
    "object-unavailable": 422,
    "upstream": 502,
    "session-unproven": 503,
}

# A header's value as RFC 9110 has it; anything else could end the header and begin another.
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def understand(invoked):
    """The HTTP answer in what the function returned to Lambda; fails if it isn't one."""
    assert isinstance(invoked, dict), f"no answer at all: {invoked!r}"
    assert set(invoked) == {"statusCode", "headers", "body", "isBase64Encoded"}, invoked
    assert invoked["isBase64Encoded"] is False
    headers, body = invoked["headers"], invoked["body"]
    for name, value in headers.items():
        assert name == name.lower() and HEADER_VALUE.fullmatch(value), f"{name}: {value!r}"
    assert headers["cache-control"] == "no-store"
    answer = calling.Answer(invoked["statusCode"], headers, body.encode())
    if answer.status == 303:
        assert headers["location"].startswith("http") and body == ""
    elif answer.status == 200:
        assert headers["content-type"] == "application/json"
        assert isinstance(answer.json(), dict)
    else:
        assert headers["content-type"] == "application/problem+json"
        assert_is_problem(answer.json(), answer.status)
        assert ("allow" in headers) == (answer.status == 405)
    return answer


def assert_is_problem(problem, status):
    """A problem as RFC 9457 has it, with our stable code."""
    assert {"type", "title", "status", "detail", "code"} <= set(problem), problem
    assert PROBLEMS[problem["code"]] == problem["status"] == status, problem
    assert problem["type"] == f"urn:problem-type:s3-link-signer:{problem['code']}"
    assert problem["title"] and problem["detail"]


def code_of(answer):
    """The code of a problem; None when the answer is none."""
    return json.loads(answer.body).get("code") if answer.status >= 400 else None
