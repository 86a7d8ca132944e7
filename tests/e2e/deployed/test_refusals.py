"""Requests that the deployed API refuses, by the gateway or by the function, and how it refuses them."""

from dataclasses import replace

import pytest
from local_aws import api_client

ROUTES = [
    ("POST", "/links", {"key": "private-files/a.txt"}),
    ("POST", "/links/batch", {"links": [{"key": "private-files/a.txt"}]}),
    ("GET", "/download?key=private-files%2Fa.txt", None),
    ("GET", "/session", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_caller_without_a_signature_is_refused_on_every_route(stack, method, path, body):
    sent = None if body is None else b"{}"
    response = api_client.send(method, stack.api_url + path, sent, {"Content-Type": "application/json"})
    assert response.status == 403
    assert b"http" not in response.body


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_a_caller_with_a_wrong_secret_is_refused_on_every_route(stack, reader, method, path, body):
    wrong_key = replace(reader, secret_access_key="a" * 40)
    assert wrong_key.request(method, stack.api_url + path, body).status == 403


def test_a_caller_with_permission_for_one_route_is_refused_on_the_others(aws, stack):
    restricted = api_client.create_caller(aws, stack, "reader-of-the-session", allowed="GET/session")
    statuses = [restricted.request(method, stack.api_url + path, body).status for method, path, body in ROUTES]
    assert statuses == [403, 403, 403, 200]


def test_a_caller_without_a_grant_gets_no_link(stack, stranger, files):
    response = stranger.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x")})
    assert (response.status, response.json()["code"]) == (403, "not-granted")
    assert response.headers["content-type"] == "application/problem+json"


def test_a_caller_without_a_grant_is_not_redirected(stack, stranger, files):
    key = files.put(b"x")
    response = stranger.request("GET", f"{stack.api_url}/download?key={api_client.encode_query(key)}")
    assert (response.status, response.json()["code"]) == (403, "not-granted")
    assert "location" not in response.headers


def test_a_caller_without_a_grant_learns_nothing_about_the_session(stack, stranger):
    response = stranger.request("GET", f"{stack.api_url}/session")
    assert (response.status, response.json()["code"]) == (403, "not-granted")


def test_a_caller_without_a_grant_can_not_tell_whether_a_file_exists(stack, stranger, files):
    existing = files.put(b"x")
    missing = existing + "-missing"
    for check in (False, True):
        responses = [
            stranger.request("POST", f"{stack.api_url}/links", {"key": key, "check": check}) for key in (existing, missing)
        ]
        assert [response.status for response in responses] == [403, 403]
        # The texts are equal, except for the key if it is in them.
        texts = [response.body.decode().replace(missing, "KEY").replace(existing, "KEY") for response in responses]
        assert texts[0] == texts[1]


def test_a_key_outside_the_granted_prefix_gets_no_link(stack, reader, files):
    key = files.put(b"secret", folder="elsewhere/")
    response = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert (response.status, response.json()["code"]) == (403, "not-granted")


def test_a_key_that_climbs_out_of_the_granted_prefix_gets_no_link(stack, reader):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": "private-files/../elsewhere/secret.txt"})
    assert (response.status, response.json()["code"]) == (422, "key-not-linkable")


def test_a_caller_can_not_set_its_own_principal(stack, stranger, files):
    forged = {"X-Principal": "reader-alice", "X-Amzn-Iam-User-Arn": "arn:aws:iam::000000000000:user/reader-alice"}
    response = stranger.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x")}, forged)
    assert response.status == 403


def test_an_unknown_field_is_refused_by_its_name(stack, reader, files):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x"), "expire_in": 5})
    assert (response.status, response.json()["code"]) == (400, "invalid-request")
    assert "expire_in" in response.json()["detail"]


def test_a_body_that_is_not_json_is_refused_and_the_detail_says_where(stack, reader):
    response = reader.request("POST", f"{stack.api_url}/links", b'{"key": ', {"Content-Type": "application/json"})
    assert (response.status, response.json()["code"]) == (400, "invalid-request")
    assert "line 1" in response.json()["detail"]


def test_the_gateway_refuses_other_paths(stack, reader):
    assert reader.request("GET", f"{stack.api_url}/links").status == 404
    assert reader.request("GET", f"{stack.api_url}/").status == 404
