"""Every route of the deployed API, called with permission and with a grant. test_refusals has the other calls."""

from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from local_aws import api_client
from local_aws.promise import parse_time

HARD_NAMES = [
    "plain.txt",
    "with space + plus & ampersand.txt",
    "100% = sure?#really.txt",
    "Résumé 2026 — übergröße 日本語.pdf",
    "two//slashes.txt",
    "quotes'\"(and) [brackets] {braces} ~tilde!*.txt",
]


def query(url):
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.parametrize("name", HARD_NAMES)
def test_a_link_opens_exactly_the_bytes_of_the_file(stack, reader, files, name):
    content = name.encode() * 1000 + bytes(range(256))
    key = files.put(content, name)
    response = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert response.status == 200, response.body
    assert response.json()["key"] == key
    opened = api_client.send("GET", response.json()["url"])
    assert (opened.status, opened.body) == (200, content)


def test_the_promise_in_the_response_is_the_one_in_the_url(link):
    signed = query(link["url"])
    signed_at = datetime.strptime(signed["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    assert int(signed["X-Amz-Expires"]) == link["expires_in"]
    assert parse_time(link["expires_at"]) == signed_at + timedelta(seconds=link["expires_in"])
    assert abs((datetime.now(timezone.utc) - signed_at).total_seconds()) < 30


def test_the_only_signed_header_is_host_and_the_link_id_is_in_the_url(link):
    signed = query(link["url"])
    assert signed["X-Amz-SignedHeaders"] == "host"
    assert signed["x-link-id"] == link["link_id"]


def test_the_promise_ends_before_the_session_and_states_its_evidence(link):
    assert link["proven"] is True
    assert link["session"]["evidence"] == "minted"
    assert parse_time(link["expires_at"]) < parse_time(link["session"]["expires_at"])


@pytest.mark.parametrize(
    ("fields", "expires_in", "limited_by"),
    [({"expires_in": 60}, 60, "request"), ({"expires_in": 3600}, 1800, "grant"), ({}, 1800, "grant")],
)
def test_a_link_lasts_as_long_as_requested_or_as_the_grant_allows(stack, reader, files, fields, expires_in, limited_by):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x"), **fields}).json()
    assert (response["expires_in"], response["limited_by"]) == (expires_in, limited_by)
    assert response["requested_expires_in"] == fields.get("expires_in", 3600)


def test_if_the_minimum_can_not_be_kept_there_is_no_link(stack, reader, files):
    body = {"key": files.put(b"x"), "expires_in": 3600, "min_expires_in": 3600}
    response = reader.request("POST", f"{stack.api_url}/links", body)
    assert response.status == 409
    problem = response.json()
    assert (problem["code"], problem["available_expires_in"]) == ("window-too-short", 1800)


def test_an_older_version_of_a_file_can_be_linked(stack, reader, files):
    key = files.put(b"first")
    version = files.s3.head_object(Bucket=stack.bucket, Key=key)["VersionId"]
    files.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"second")
    request = {"key": key, "version_id": version}
    response = reader.request("POST", f"{stack.api_url}/links", request)
    # It is no longer the current version, and the stack's grant gives no others.
    assert (response.status, response.json()["code"]) == (403, "not-granted")
    request["version_id"] = files.s3.head_object(Bucket=stack.bucket, Key=key)["VersionId"]
    response = reader.request("POST", f"{stack.api_url}/links", request).json()
    assert api_client.send("GET", response["url"]).body == b"second"


def test_a_download_has_the_requested_file_name_and_content_type(stack, reader, files):
    body = {"key": files.put(b"x"), "filename": "Résumé 2026.pdf", "content_type": "application/pdf"}
    response = reader.request("POST", f"{stack.api_url}/links", body).json()
    opened = api_client.send("GET", response["url"])
    assert opened.headers["content-type"] == "application/pdf"
    disposition = opened.headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert unquote(disposition.split("filename*=UTF-8''")[1]) == "Résumé 2026.pdf"


def test_a_batch_keeps_its_order_and_a_refused_entry_does_not_affect_the_others(stack, reader, files):
    keys = [files.put(f"file {number}".encode()) for number in range(5)]
    entries = [{"key": key} for key in keys]
    entries.insert(2, {"key": "elsewhere/secret.txt"})
    response = reader.request("POST", f"{stack.api_url}/links/batch", {"links": entries})
    assert response.status == 200, response.body
    links = response.json()["links"]
    assert links.pop(2)["code"] == "not-granted"
    assert [link["key"] for link in links] == keys
    assert [api_client.send("GET", link["url"]).body for link in links] == [f"file {n}".encode() for n in range(5)]


def test_a_batch_of_a_thousand_has_a_thousand_different_links(stack, reader):
    entries = [{"key": f"private-files/{number}", "expires_in": 60} for number in range(1000)]
    response = reader.request("POST", f"{stack.api_url}/links/batch", {"links": entries})
    assert response.status == 200, response.body[:500]
    links = response.json()["links"]
    assert [link["key"] for link in links] == [entry["key"] for entry in entries]
    assert len({link["link_id"] for link in links}) == 1000


def test_download_redirects_to_a_link_and_must_not_be_stored(stack, reader, files):
    key = files.put(b"for a browser", "a browser's.txt")
    url = f"{stack.api_url}/download?key={api_client.encode_query(key)}&expires_in=120"
    response = reader.request("GET", url)
    assert response.status == 303, response.body
    assert response.headers["cache-control"] == "no-store"
    assert query(response.headers["location"])["X-Amz-Expires"] == "120"
    assert api_client.send("GET", response.headers["location"]).body == b"for a browser"


def test_session_states_the_signer_the_evidence_and_the_longest_promise_now(stack, reader):
    response = reader.request("GET", f"{stack.api_url}/session")
    assert response.status == 200, response.body
    session = response.json()
    assert f":assumed-role/{stack.session_role_arn.rsplit('/', 1)[1]}/" in session["signer"]["arn"]
    assert session["signer"]["credentials"] == "session"
    assert len(session["signer"]["access_key_id_ends_with"]) == 4
    assert (session["session"]["evidence"], session["proven"]) == ("minted", True)
    promised, ends = parse_time(session["available"]["expires_at"]), parse_time(session["session"]["expires_at"])
    assert datetime.now(timezone.utc) < promised < ends


def test_a_response_with_a_link_must_not_be_stored(stack, reader, files):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x")})
    assert response.headers["cache-control"] == "no-store"


def test_a_checked_link_to_a_missing_file_is_refused_with_that_reason(stack, reader):
    # The local AWS responds with 404 even to a role without s3:ListBucket. S3 would respond with 403.
    body = {"key": "private-files/not there.txt", "check": True}
    response = reader.request("POST", f"{stack.api_url}/links", body)
    assert (response.status, response.json()["code"]) == (422, "object-unavailable"), response.body
    assert "no such object" in response.json()["detail"]


def test_a_checked_link_to_a_forbidden_file_is_refused_with_the_likely_causes(stack, reader, files):
    key = files.put(b"forbidden")
    with files.denied(key):
        response = reader.request("POST", f"{stack.api_url}/links", {"key": key, "check": True})
        unchecked = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert (response.status, response.json()["code"]) == (422, "object-unavailable"), response.body
    assert "bucket policy" in response.json()["detail"]
    # Without the check the function does not notice it.
    assert unchecked.status == 200


def test_a_checked_link_to_an_existing_file_opens(stack, reader, files):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"here"), "check": True})
    assert response.status == 200, response.body
    assert api_client.send("GET", response.json()["url"]).body == b"here"
