"""A server must open the function's links, and must refuse them after any change.

The server is ministack, which computes each signature from the request it receives. That does not prove how S3
behaves. test_against_botocore shows that botocore signs the same URLs.
"""

import hashlib
import json
import re
from urllib.parse import quote

import pytest
from local_aws import api_client
from local_lambda import roles, running
from signatures.tricky_keys import KEYS

BUCKET = "signed-files"
VERSIONED = "signed-files-with-versions"


def content_of(key):
    """Different bytes for each key, so that a test notices if a link opens another file."""
    return hashlib.sha256(key.encode()).digest()


@pytest.fixture(scope="module")
def s3(aws):
    """The buckets, with a file under every tricky key."""
    s3 = aws.client("s3")
    for bucket in (BUCKET, VERSIONED):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=content_of(key))
    return s3


@pytest.fixture(scope="module")
def function(aws, s3, built):
    """A function with a role that may only read objects."""
    # All objects: in the local AWS's policies, `*` next to other characters does not match a line break.
    statement = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": "*"}
    role = roles.Role(aws, "signatures", statement)
    grants = [
        {"bucket": bucket, "prefix": "", "principals": ["*"], "region": "us-east-1", "versions": True}
        for bucket in (BUCKET, VERSIONED)
    ]
    variables = {
        **roles.environment_variables(role.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "3600",
        "GRANTS": json.dumps(grants),
    }
    with running.LocalLambda("signatures-server", **variables) as function:
        yield function


def test_a_link_to_every_tricky_key_opens_the_file_with_that_key(function):
    for link, key in zip(function.batch([{"bucket": BUCKET, "key": key} for key in KEYS]), KEYS, strict=True):
        opened = api_client.send("GET", link["url"])
        assert (opened.status, opened.body) == (200, content_of(key)), key


def test_without_a_signature_the_server_refuses_every_file(aws, s3):
    for key in KEYS[::25]:
        assert api_client.send("GET", f"{aws.url}/{BUCKET}/{quote(key)}").status == 403


def test_a_link_to_a_version_opens_that_version(function, s3):
    versions = [
        s3.put_object(Bucket=VERSIONED, Key="a b", Body=f"version {number}".encode())["VersionId"]
        for number in range(3)
    ]
    for number, version in enumerate(versions):
        link = function.link(bucket=VERSIONED, key="a b", version_id=version)
        assert api_client.send("GET", link["url"]).body == f"version {number}".encode()


def test_a_link_for_head_opens_with_head_alone(function, s3):
    s3.put_object(Bucket=BUCKET, Key="head", Body=b"0123456789")
    head, get = (function.link(bucket=BUCKET, key="head", filename="é.txt", method=method) for method in ("HEAD", "GET"))
    answered = api_client.send("HEAD", head["url"])
    assert (answered.status, answered.body, answered.headers["content-length"]) == (200, b"", "10")
    assert api_client.send("GET", head["url"]).status == 403
    assert api_client.send("HEAD", get["url"]).status == 403
    assert function.link(bucket=BUCKET, key="head", method="HEAD", check=True)["method"] == "HEAD"


def test_a_link_with_all_options_at_once_opens_with_these_headers(function, s3):
    options = {"filename": "Résumé.pdf", "content_type": "application/pdf", "disposition": "inline", "expires_in": 60}
    version = s3.put_object(Bucket=VERSIONED, Key="all at once", Body=b"x", ContentType="text/html")["VersionId"]
    opened = api_client.send("GET", function.link(bucket=VERSIONED, key="all at once", **options)["url"])
    assert (opened.status, opened.body) == (200, b"x")
    assert opened.headers["content-type"] == "application/pdf"
    assert opened.headers["content-disposition"].startswith("inline; ")
    # For a given version the local AWS verifies these parameters but does not set the headers.
    opened = api_client.send(
        "GET", function.link(bucket=VERSIONED, key="all at once", version_id=version, **options)["url"]
    )
    assert (opened.status, opened.body) == (200, b"x")
    assert opened.headers["x-amz-version-id"] == version


def another(character):
    """A different hexadecimal digit: a digit for a digit, a letter for a letter."""
    return "1" if character == "0" else "0" if character.isdigit() else "b" if character == "a" else "a"


def changed(parameter, position):
    """A function that changes one character in the value of a parameter."""

    def change(url):
        start = url.index(f"{parameter}=") + len(parameter) + 1 + position
        return url[:start] + another(url[start]) + url[start + 1 :]

    return change


def without(name):
    """A function that removes a parameter."""

    def change(url):
        before, query = url.split("?", 1)
        return f"{before}?{'&'.join(part for part in query.split('&') if part.split('=')[0] != name)}"

    return change


CHANGES = {
    **{f"character {position} of the signature": changed("X-Amz-Signature", position) for position in (0, 31, 63)},
    "the first character of the key": lambda url: url.replace("/private-files/", "/brivate-files/", 1),
    "the case of a letter in the key": lambda url: url.replace("/private-files/", "/Private-files/", 1),
    "an added slash in the key": lambda url: url.replace("/private-files/", "//private-files/", 1),
    "the bucket": lambda url: url.replace(BUCKET, VERSIONED, 1),
    "one second longer": lambda url: re.sub(
        r"X-Amz-Expires=(\d+)", lambda found: f"X-Amz-Expires={int(found[1]) + 1}", url
    ),
    "one second shorter": lambda url: re.sub(
        r"X-Amz-Expires=(\d+)", lambda found: f"X-Amz-Expires={int(found[1]) - 1}", url
    ),
    "without the expiry": without("X-Amz-Expires"),
    "the year": changed("X-Amz-Date", 3),
    "the access key": changed("X-Amz-Credential", 10),
    "the region": lambda url: url.replace("us-east-1", "us-east-2", 1),
    "the session token": changed("X-Amz-Security-Token", 5),
    "the file name": lambda url: url.replace("report", "repork", 1) if "report" in url else url,
    "the file name's encoding": lambda url: url.replace("%2A", "*", 1).replace("UTF-8", "utf-8", 1),
    "the content type": lambda url: url.replace("application%2Fpdf", "text%2Fhtml"),
    "the link id": changed("x-link-id", 0),
    "without the link id": without("x-link-id"),
    "an added parameter": lambda url: f"{url}&response-cache-control=no-store",
    "a repeated parameter": lambda url: f"{url}&X-Amz-Expires=604800",
    "another signed header": lambda url: url.replace("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3Brange"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_link_is_refused_after_any_change(function, s3, change):
    key = "private-files/to be changed"
    for bucket, changed_key in ((BUCKET, key), (VERSIONED, key), (BUCKET, "Private-files/to be changed")):
        s3.put_object(Bucket=bucket, Key=changed_key, Body=b"kept")
    url = function.link(bucket=BUCKET, key=key, filename="report é.pdf", content_type="application/pdf")["url"]
    assert api_client.send("GET", url).body == b"kept"
    tampered = change(url)
    assert tampered != url
    refused = api_client.send("GET", tampered)
    assert refused.status in (400, 403), refused
    assert b"kept" not in refused.body
