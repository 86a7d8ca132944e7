"""What a link of the deployed function opens, and that a changed link opens nothing."""

import re

import pytest
from local_aws import api_client


def test_without_a_link_the_file_is_refused(aws, stack, link):
    url = f"{aws.url}/{stack.bucket}/{link['key']}"
    assert api_client.send("GET", url).status == 403


def test_a_link_opens_repeatedly(link):
    assert {api_client.send("GET", link["url"]).body for _ in range(3)} == {link["content"]}


def test_a_link_serves_range_requests(link):
    part = api_client.send("GET", link["url"], headers={"Range": "bytes=2-5"})
    assert (part.status, part.body) == (206, link["content"][2:6])


def another(digit):
    return "1" if digit == "0" else "0"


TAMPERINGS = {
    "another file": lambda url: re.sub(r"/private-files/[^?]*", "/private-files/another.txt", url),
    "a longer window": lambda url: re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=604800", url),
    "another date": lambda url: re.sub(r"(X-Amz-Date=\d{8}T\d{5})(\d)", lambda m: m[1] + another(m[2]), url),
    "another link id": lambda url: re.sub(r"(x-link-id=.{5})(.)", lambda m: m[1] + another(m[2]), url),
    "without the link id": lambda url: re.sub(r"x-link-id=[^&]*&?", "", url).rstrip("?&"),
    "another signature": lambda url: re.sub(r"(X-Amz-Signature=)(.)", lambda m: m[1] + another(m[2]), url),
    "without the session token": lambda url: re.sub(r"X-Amz-Security-Token=[^&]*&?", "", url).rstrip("?&"),
    "an added parameter": lambda url: url + "&response-content-type=text%2Fhtml",
}


@pytest.mark.parametrize("tamper", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_a_tampered_link_does_not_open(files, link, tamper):
    files.put(b"another", "another.txt")
    tampered = tamper(link["url"])
    assert tampered != link["url"]
    response = api_client.send("GET", tampered)
    assert response.status in (400, 403), response
    assert link["content"] not in response.body


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "POST"])
def test_a_link_allows_only_get(files, link, method):
    assert api_client.send(method, link["url"], b"x" if method in ("PUT", "POST") else None).status in (403, 405)
    assert files.s3.get_object(Bucket=link["bucket"], Key=link["key"])["Body"].read() == link["content"]


def test_a_link_does_not_open_over_plain_http(link):
    # For the local AWS every request counts as TLS, except with this header.
    response = api_client.send("GET", link["url"], headers={"X-Forwarded-Proto": "http"})
    assert response.status == 403
    assert b"explicit deny" in response.body
