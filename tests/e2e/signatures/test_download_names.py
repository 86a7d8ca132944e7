"""The file name of a download, as two independent parsers read it from the Content-Disposition header.

The header is the one that the server sends when the link is opened. No browser is involved.
"""

import email.message
import json

import pytest
from local_aws import api_client
from local_lambda import roles, running
from werkzeug.http import parse_options_header

BUCKET = "named-downloads"
KEY = "private-files/0815"

NAMES = [
    "report.pdf",
    "report 2026.pdf",
    "two  spaces",
    "Résumé 2026.pdf",
    "Re\u0301sume\u0301 2026.pdf",
    "日本語のファイル名.txt",
    "🦀 & 👩‍👩‍👧‍👦.zip",
    'a "quoted" name.txt',
    "it's.txt",
    "semi;colon=equals.txt",
    "filename*=UTF-8''evil.exe",
    '"; filename="evil.exe',
    "a, b.txt",
    "100% sure.txt",
    "%41.txt",
    "a%20b+c.txt",
    "=?utf-8?B?ZXZpbC5leGU=?=",
    "<script>alert(1)<script>.html",
    "~!@#$%^&()_+`-={}[];',.",
    "a:b|c?d*e<f>g",
    ".htaccess",
    "no-ending",
    "dots...",
    "a" * 255,
    "é" * 127,
    "日" * 85,
    "🦀" * 63,
]


@pytest.fixture(scope="module")
def function(aws, built):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x", ContentType="application/octet-stream")
    role = roles.Role(aws, "named-downloads", roles.read_statement(BUCKET))
    variables = {
        **roles.environment_variables(role.session()),
        "AWS_ENDPOINT_URL": aws.url,
        "ASSUMED_SESSION_SECONDS": "3600",
        "GRANTS": json.dumps([{"bucket": BUCKET, "prefix": "", "principals": ["*"], "region": "us-east-1"}]),
    }
    with running.LocalLambda("names-of-downloads", **variables) as function:
        yield function


def downloaded(function, **options):
    """The headers of the response when a link with these options is opened."""
    opened = api_client.send("GET", function.link(key=KEY, **options)["url"])
    assert opened.status == 200, opened
    return opened.headers


def parse_with_extended_name(header):
    """Disposition and file name as a client reads them that knows filename*, which has precedence (RFC 6266)."""
    kind, options = parse_options_header(header)
    return kind, options.get("filename")


def parse_with_plain_name(header):
    """Disposition and file name as a client reads them that knows only filename."""
    message = email.message.Message()
    message["Content-Disposition"] = header
    return message.get_content_disposition(), message.get_filename()


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:30])
def test_a_download_has_exactly_the_requested_file_name(function, name):
    header = downloaded(function, filename=name)["content-disposition"]
    assert header.isascii() and header.isprintable()
    assert parse_with_extended_name(header) == ("attachment", name)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name)[:30])
def test_a_client_that_knows_only_ascii_gets_a_name_that_differs_only_in_other_characters(function, name):
    kind, fallback = parse_with_plain_name(downloaded(function, filename=name)["content-disposition"])
    assert kind == "attachment"
    assert fallback == "".join(
        character if character.isascii() and character not in '"\\%' else "_" for character in name
    )


@pytest.mark.parametrize("disposition", ["attachment", "inline"])
def test_a_download_has_the_requested_disposition(function, disposition):
    options = {"disposition": disposition, "content_type": "application/pdf"}
    assert parse_with_extended_name(downloaded(function, **options)["content-disposition"]) == (disposition, None)
    named = downloaded(function, **options, filename="é.pdf")["content-disposition"]
    assert parse_with_extended_name(named) == (disposition, "é.pdf")


@pytest.mark.parametrize(
    "content_type",
    ["application/pdf", "text/plain; charset=utf-8", "image/png", "video/mp4", "text/html"],
)
def test_a_download_has_the_requested_content_type(function, content_type):
    assert downloaded(function, content_type=content_type)["content-type"] == content_type


def test_without_options_a_download_is_an_attachment_with_the_content_type_of_the_object(function):
    headers = downloaded(function)
    assert headers["content-disposition"] == "attachment"
    assert headers["content-type"] == "application/octet-stream"
