"""Every route of the deployed API, asked by a caller who may ask. Refusals are in test_refusals."""

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
def test_a_link_opens_to_exactly_the_bytes_that_were_put(stack, reader, files, name):
    content = name.encode() * 1000 + bytes(range(256))
    key = files.put(content, name)
    response = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert response.status == 200, response.body
    assert response.json()["key"] == key
    opened = api_client.send("GET", response.json()["url"])
    assert (opened.status, opened.body) == (200, content)


def test_the_promise_in_the_answer_is_what_the_url_says(link):
    signed = query(link["url"])
    signed_at = datetime.strptime(signed["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    assert int(signed["X-Amz-Expires"]) == link["expires_in"]
    assert parse_time(link["expires_at"]) == signed_at + timedelta(seconds=link["expires_in"])
    assert abs((datetime.now(timezone.utc) - signed_at).total_seconds()) < 30


def test_only_host_is_signed_and_the_link_id_is_in_the_url(link):
    signed = query(link["url"])
    assert signed["X-Amz-SignedHeaders"] == "host"
    assert signed["x-link-id"] == link["link_id"]


def test_the_promise_ends_before_the_session_does_and_says_what_proves_it(link):
    assert link["proven"] is True
    assert link["session"]["evidence"] == "minted"
    assert parse_time(link["expires_at"]) < parse_time(link["session"]["expires_at"])


@pytest.mark.parametrize(
    ("asked", "given", "limited_by"),
    [({"expires_in": 60}, 60, "request"), ({"expires_in": 3600}, 1800, "grant"), ({}, 1800, "grant")],
)
def test_a_window_is_what_was_asked_or_what_the_grant_allows(stack, reader, files, asked, given, limited_by):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x"), **asked}).json()
    assert (response["expires_in"], response["limited_by"]) == (given, limited_by)
    assert response["requested_expires_in"] == asked.get("expires_in", 3600)


def test_a_window_too_short_to_be_of_use_is_no_link(stack, reader, files):
    body = {"key": files.put(b"x"), "expires_in": 3600, "min_expires_in": 3600}
    response = reader.request("POST", f"{stack.api_url}/links", body)
    assert response.status == 409
    problem = response.json()
    assert (problem["code"], problem["available_expires_in"]) == ("window-too-short", 1800)


def test_an_older_version_of_a_file_can_be_linked(stack, reader, files):
    key = files.put(b"first")
    version = files.s3.head_object(Bucket=stack.bucket, Key=key)["VersionId"]
    files.s3.put_object(Bucket=stack.bucket, Key=key, Body=b"second")
    response = reader.request("POST", f"{stack.api_url}/links", {"key": key, "version_id": version}).json()
    assert api_client.send("GET", response["url"]).body == b"first"


def test_a_download_gets_the_file_name_that_was_asked_for(stack, reader, files):
    body = {"key": files.put(b"x"), "filename": "Résumé 2026.pdf", "content_type": "application/pdf"}
    response = reader.request("POST", f"{stack.api_url}/links", body).json()
    opened = api_client.send("GET", response["url"])
    assert opened.headers["content-type"] == "application/pdf"
    disposition = opened.headers["content-disposition"]
    assert disposition.startswith("attachment")
    assert unquote(disposition.split("filename*=UTF-8''")[1]) == "Résumé 2026.pdf"


def test_a_batch_keeps_its_order_and_one_bad_entry_spoils_no_other(stack, reader, files):
    keys = [files.put(f"file {number}".encode()) for number in range(5)]
    entries = [{"key": key} for key in keys]
    entries.insert(2, {"key": "elsewhere/secret.txt"})
    response = reader.request("POST", f"{stack.api_url}/links/batch", {"links": entries})
    assert response.status == 200, response.body
    links = response.json()["links"]
    assert links.pop(2)["code"] == "not-granted"
    assert [link["key"] for link in links] == keys
    assert [api_client.send("GET", link["url"]).body for link in links] == [f"file {n}".encode() for n in range(5)]


def test_a_batch_of_a_thousand_is_answered_whole_and_no_link_is_like_another(stack, reader):
    entries = [{"key": f"private-files/{number}", "expires_in": 60} for number in range(1000)]
    response = reader.request("POST", f"{stack.api_url}/links/batch", {"links": entries})
    assert response.status == 200, response.body[:500]
    links = response.json()["links"]
    assert [link["key"] for link in links] == [entry["key"] for entry in entries]
    assert len({link["link_id"] for link in links}) == 1000


def test_download_redirects_to_a_link_and_is_never_stored(stack, reader, files):
    key = files.put(b"for a browser", "a browser's.txt")
    url = f"{stack.api_url}/download?key={api_client.encode_query(key)}&expires_in=120"
    response = reader.request("GET", url)
    assert response.status == 303, response.body
    assert response.headers["cache-control"] == "no-store"
    assert query(response.headers["location"])["X-Amz-Expires"] == "120"
    assert api_client.send("GET", response.headers["location"]).body == b"for a browser"


def test_session_tells_who_signs_what_proves_the_end_and_what_could_be_promised_now(stack, reader):
    response = reader.request("GET", f"{stack.api_url}/session")
    assert response.status == 200, response.body
    told = response.json()
    assert f":assumed-role/{stack.role_arn.rsplit('/', 1)[1]}/" in told["signer"]["arn"]
    assert told["signer"]["credentials"] == "session"
    assert len(told["signer"]["access_key_id_ends_with"]) == 4
    assert (told["session"]["evidence"], told["proven"]) == ("minted", True)
    promised, ends = parse_time(told["available"]["expires_at"]), parse_time(told["session"]["expires_at"])
    assert datetime.now(timezone.utc) < promised < ends


def test_no_answer_with_a_link_in_it_may_be_stored(stack, reader, files):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"x")})
    assert response.headers["cache-control"] == "no-store"


def test_a_checked_link_to_a_missing_file_is_a_problem_that_says_so(stack, reader):
    # The local AWS says 404 to a role without s3:ListBucket too; S3 would say 403.
    body = {"key": "private-files/not there.txt", "check": True}
    response = reader.request("POST", f"{stack.api_url}/links", body)
    assert (response.status, response.json()["code"]) == (422, "object-unavailable"), response.body
    assert "no such object" in response.json()["detail"]


def test_a_checked_link_to_a_forbidden_file_is_a_problem_that_names_the_likely_causes(stack, reader, files):
    key = files.put(b"forbidden")
    with files.denied(key):
        response = reader.request("POST", f"{stack.api_url}/links", {"key": key, "check": True})
        unchecked = reader.request("POST", f"{stack.api_url}/links", {"key": key})
    assert (response.status, response.json()["code"]) == (422, "object-unavailable"), response.body
    assert "bucket policy" in response.json()["detail"]
    # This is what the check is for: signing alone notices nothing.
    assert unchecked.status == 200


def test_a_checked_link_to_a_file_that_is_there_is_a_link(stack, reader, files):
    response = reader.request("POST", f"{stack.api_url}/links", {"key": files.put(b"here"), "check": True})
    assert response.status == 200, response.body
    assert api_client.send("GET", response.json()["url"]).body == b"here"
