"""Checks what every response of the function must have: a status, valid headers, and a body of the right type.

Each test checks for itself whether it is the right response.
"""

import html
import json
import re

from local_aws import api_client

# The status of each problem code.
PROBLEM_STATUSES = {
    "invalid-request": 400,
    "unauthenticated": 401,
    "not-granted": 403,
    "upload-not-allowed": 403,
    "passcode-wanted": 403,
    "passcode-wrong": 403,
    "no-such-route": 404,
    "no-such-share": 404,
    "method-not-allowed": 405,
    "window-too-short": 409,
    "share-revoked": 409,
    "share-ended": 410,
    "share-used-up": 410,
    "share-withdrawn": 410,
    "answer-too-large": 413,
    "key-not-linkable": 422,
    "object-unavailable": 422,
    "share-locked": 429,
    "internal": 500,
    "misconfigured": 500,
    "upstream": 502,
    "policy-unreadable": 503,
    "session-unproven": 503,
    "share-unavailable": 503,
}

# What every page has, so that no cache, no index, no frame and no other site gets to see it.
PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}

# RFC 9110's characters for a header value. Any other character could end the header and begin another one.
HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


def parse(invoked, is_head=False):
    """The HTTP response in what the function returned to Lambda. Fails if it isn't a valid one.

    A cookie is among the headers, as gateways send it on. The response to a HEAD for a page has no body.
    """
    assert isinstance(invoked, dict), f"not an HTTP response: {invoked!r}"
    # Payload 2.0 has cookies; payload 1.0 has them among the headers with several values.
    assert set(invoked) - {"cookies"} == {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
    assert invoked["isBase64Encoded"] is False
    headers, body = dict(invoked["headers"]), invoked["body"]
    assert "set-cookie" not in headers
    if cookies := cookies_in(invoked):
        [headers["set-cookie"]] = cookies
    for name, value in headers.items():
        assert name == name.lower() and HEADER_VALUE.fullmatch(value), f"{name}: {value!r}"
    assert headers["cache-control"] == "no-store"
    response = api_client.Response(invoked["statusCode"], headers, body.encode())
    if is_head and body == "":
        return response
    if response.status == 303:
        assert headers["location"].startswith("http") and body == ""
    elif response.status == 204:
        assert "content-type" not in headers and body == ""
    elif headers["content-type"].startswith("text/html"):
        assert {name: headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS
        assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert body.startswith("<!DOCTYPE html>") and "<script" not in body
    elif response.status in (200, 201):
        assert headers["content-type"] == "application/json"
        assert isinstance(response.json(), dict)
    else:
        assert headers["content-type"] == "application/problem+json"
        assert_is_problem(response.json(), response.status)
        assert ("allow" in headers) == (response.status == 405)
    return response


def cookies_in(invoked):
    """The values of `Set-Cookie` in what the function returned to Lambda.

    Payload 2.0 has them in a list of their own, and payload 1.0 among the headers with several values.
    """
    several = dict(invoked["multiValueHeaders"])
    cookies = several.pop("set-cookie", [])
    assert not several, several
    assert not (cookies and "cookies" in invoked)
    return cookies or invoked.get("cookies", [])


def assert_is_problem(problem, status):
    """Check that it is a problem (RFC 9457) with one of the function's codes, and with that code's status."""
    assert {"type", "title", "status", "detail", "code"} <= set(problem), problem
    assert PROBLEM_STATUSES[problem["code"]] == problem["status"] == status, problem
    assert problem["type"] == f"urn:problem-type:s3-link-signer:{problem['code']}"
    assert problem["title"] and problem["detail"]


def problem_code(response):
    """The code of a problem. None if the response is not a problem."""
    is_problem = response.headers.get("content-type") == "application/problem+json"
    return json.loads(response.body)["code"] if is_problem else None


def heading(response):
    """The heading of a page."""
    [found] = re.findall(r"<h1>(?:<bdi>)?(.*?)(?:</bdi>)?</h1>", response.body.decode())
    return html.unescape(found)
