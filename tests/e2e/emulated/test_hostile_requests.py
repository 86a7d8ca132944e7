"""Invalid and malicious requests, written by hand, and the function's response to each.

test_generated_events covers requests that nobody thought of.
"""

import json
import time

import pytest
from local_lambda import offline, requests, responses, running

# The largest response of a synchronous invocation, 6 MB. Source: AWS Lambda guide, "Lambda quotas".
MAX_RESPONSE_BYTES = 6 * 2**20

VALUES_OF_EVERY_TYPE = [None, True, 0, -1, 1.5, 1e300, "", "a", [], ["a"], {}, {"a": 1}]


def post_link(function, body):
    return function.request(requests.post("/links", body))


def post_batch(function, body):
    return function.request(requests.post("/links/batch", body))


def assert_refused(response, code, *texts):
    assert responses.problem_code(response) == code, response
    for text in texts:
        assert text in response.json()["detail"], response.json()["detail"]


@pytest.mark.parametrize("path", ["/links", "/links/batch"])
@pytest.mark.parametrize(
    "body",
    [
        "",
        " \r\n\t",
        "null",
        "true",
        "0",
        "-1e309",
        '"key"',
        "[]",
        "[1]",
        "{",
        "}",
        '{"key"',
        '{"key":}',
        "{}{}",
        "\x00",
        "\ufeff{}",
        "key=private-files%2Fa",
        "<links/>",
        "{'key': 'a'}",
        '{"key": "a",}',
        '{"key": NaN}',
        '{"key": "\x01"}',
        '{"key": "\\x"}',
        '{"key": "\\ud800"}',
        '{"key": "a", "key": "b"}',
        '{"links": null}',
        '{"links": {}}',
        '{"links": []}',
        '{"links": "a"}',
        '{"links": [{"key": "a"}], "links": []}',
        "[" * 200,
        '{"a":' * 200,
        # Arrays that a lenient parser would accept as objects, with the fields in their order.
        json.dumps(["amzn-s3-demo-bucket", "private-files/a", None, None, None, None, None, None, None]),
        json.dumps([[{"key": "private-files/a"}]]),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_an_invalid_body_is_refused_and_the_detail_says_where_it_is_wrong(isolated_function, path, body):
    response = isolated_function.request(requests.post(path, body))
    assert_refused(response, "invalid-request")
    assert not response.json()["detail"].startswith("?"), response.json()["detail"]


@pytest.mark.parametrize("value", VALUES_OF_EVERY_TYPE, ids=repr)
@pytest.mark.parametrize(
    "field",
    ["bucket", "key", "version_id", "expires_in", "min_expires_in", "filename", "content_type", "disposition", "check"],
)
def test_a_field_of_the_wrong_type_is_refused_by_its_name(isolated_function, field, value):
    """Some values have the right type for some fields. The response is then a link or another refusal."""
    response = post_link(isolated_function, {"key": "private-files/a", field: value})
    right_type = {"expires_in": (int, float), "min_expires_in": (int, float), "check": bool}.get(field, str)
    if value is None and field != "key":
        assert response.status == 200, "null means that the field is absent"
    elif value is None or not isinstance(value, right_type) or (right_type is not bool and isinstance(value, bool)):
        assert_refused(response, "invalid-request", field)
    else:
        assert response.status in (200, 400, 401, 403, 422), response


@pytest.mark.parametrize("field", ["Key", "kye", "", "key ", "principal", "x-link-id", "__proto__", "é", "k" * 10_000])
def test_an_unknown_field_is_refused_by_its_name(isolated_function, field):
    assert_refused(
        post_link(isolated_function, {"key": "private-files/a", field: "b"}), "invalid-request", "unknown field", field[:40]
    )
    response = isolated_function.request(requests.get("/download", [("key", "private-files/a"), (field, "b")]))
    assert_refused(response, "invalid-request", "unknown parameter", field[:40])


@pytest.mark.parametrize("character", ["a", "ü", "日", "🦀"])
def test_a_key_has_at_most_1024_bytes(isolated_function, character):
    prefix = "private-files/"
    room = 1024 - len(prefix)
    size = len(character.encode())
    # One-byte characters fill the rest, because a character of several bytes may not fit exactly.
    fits = prefix + character * (room // size) + "x" * (room % size)
    link = isolated_function.link(key=fits)
    assert link["key"] == fits
    assert_refused(post_link(isolated_function, {"key": fits + "x"}), "invalid-request", "key: 1025 bytes")
    assert_refused(post_link(isolated_function, {"key": ""}), "invalid-request", "key: 0 bytes")


def test_a_batch_has_1_to_1000_entries(isolated_function):
    entry = {"key": "private-files/a"}
    assert len(isolated_function.batch([entry])) == 1
    assert len(isolated_function.batch([entry] * 1000)) == 1000
    assert_refused(post_batch(isolated_function, {"links": [entry] * 1001}), "invalid-request", "1001 entries; send 1 to 1000")
    assert_refused(post_batch(isolated_function, {"links": []}), "invalid-request", "0 entries")


def test_a_batch_too_large_for_lambda_s_response_is_refused_and_the_detail_names_what_would_fit(isolated_function):
    # Each character takes nine bytes in the URL, and three more in the key beside it.
    longest = {"key": "private-files/" + "日" * 336, "filename": "本" * 85}
    refused = post_batch(isolated_function, {"links": [longest] * 1000})
    assert_refused(refused, "answer-too-large", str(MAX_RESPONSE_BYTES))
    fit = refused.json()["links_that_fit"]
    assert 0 < fit < 1000
    returned = isolated_function.invoke(requests.post("/links/batch", {"links": [longest] * fit}))
    assert responses.parse(returned).status == 200
    size = len(json.dumps(returned, ensure_ascii=False, separators=(",", ":")).encode())
    # The stated number of links fits, and it leaves little unused.
    assert MAX_RESPONSE_BYTES - 20_000 < size <= MAX_RESPONSE_BYTES
    assert_refused(post_batch(isolated_function, {"links": [longest] * (fit + 1)}), "answer-too-large")


@pytest.mark.parametrize("path", ["/links", "/links/batch"])
@pytest.mark.parametrize(
    "body",
    [
        " " * 5_500_000,
        "[" * 5_500_000,
        '{"key":' * 500_000,
        "9" * 5_500_000,
        '"' + "a" * 5_500_000 + '"',
        '{"key": "private-files/' + "a" * 5_500_000 + '"}',
        '{"links": [' + "{}," * 1_500_000 + "{}]}",
        '{"links": [{"key": "' + "a" * 5_500_000 + '"}, 1}',
        '{"' + "a" * 5_500_000 + '": 1}',
    ],
    ids=lambda text: text[:24],
)
def test_an_invalid_body_of_maximal_size_is_refused_quickly_and_not_repeated(isolated_function, path, body):
    started = time.monotonic()
    response = isolated_function.request(requests.post(path, body))
    assert response.status == 400
    assert len(response.body) < 10_000, "the refusal repeats the request"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "body", ['"{}"', '{{"{}": 1}}', '{{"key": 1, "filename": {{"{}": 1}}}}', '{{"links": ["{}"]}}']
)
@pytest.mark.parametrize("path", ["/links", "/links/batch"])
def test_a_refusal_fits_into_lambda_s_response_even_if_the_request_needs_much_escaping(isolated_function, path, body):
    """A quotation mark takes two bytes in JSON, and four in JSON within JSON."""
    response = isolated_function.request(requests.post(path, body.format('\\"' * 700_000)))
    assert response.status < 500
    assert len(response.body) < 10_000, "the refusal repeats the request"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/" + '"' * 20_000, "no-such-route"),
        ("/" + "\x00" * 8_000, "no-such-route"),
        # Longer than any that a gateway lets through.
        ("/" + '"' * 700_000, "invalid-request"),
        ("/" + "\x00" * 300_000, "invalid-request"),
    ],
    ids=["quotation marks", "NULs", "too many quotation marks", "too many NULs"],
)
def test_a_very_long_path_is_refused_and_not_repeated(isolated_function, path, code):
    response = isolated_function.request(requests.request("GET", path))
    assert_refused(response, code)
    assert len(response.body) < 10_000, "the refusal repeats the request"


@pytest.mark.parametrize("body", ["!", "e30", "e30=\x00", "=", "e30==", "/w==", "eyJrZXkiOiAi/yJ9"])
def test_invalid_base64_and_base64_without_json_are_refused(isolated_function, body):
    event = requests.post("/links", body)
    event["isBase64Encoded"] = True
    assert_refused(isolated_function.request(event), "invalid-request")


@pytest.mark.parametrize(
    "path",
    ["", "/", "//links", "/links/", "/LINKS", "/links/batch/x", "/links%2Fbatch", "/links;a", "/./links", "/x/../links",
     "/links\x00", "/links?key=a", "links", "/session/../links", "/" + "a" * 50_000, "/\r\nX: y", "/ünknown"],
    ids=lambda path: repr(path)[:30],
)  # fmt: skip
def test_a_path_that_only_resembles_a_route_is_refused(isolated_function, path):
    assert_refused(isolated_function.request(requests.request("POST", path, body="{}")), "no-such-route")


@pytest.mark.parametrize("method", ["", "GET\r\n", "🦀"])
@pytest.mark.parametrize("path", ["/links", "/links/batch", "/download", "/session"])
def test_a_method_that_http_does_not_allow_is_refused(isolated_function, path, method):
    response = isolated_function.request(
        requests.request(method, path, query="key=private-files%2Fa", body='{"key": "private-files/a"}')
    )
    assert_refused(response, "invalid-request")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "G" * 10_000])
@pytest.mark.parametrize(
    "path, allowed", {"/links": "POST", "/links/batch": "POST", "/download": "GET", "/session": "GET"}.items()
)
def test_another_method_is_refused_and_the_allowed_one_is_named(isolated_function, path, allowed, method):
    response = isolated_function.request(
        requests.request(method, path, query="key=private-files%2Fa", body='{"key": "private-files/a"}')
    )
    assert_refused(response, "method-not-allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "query",
    ["", "&", "=", "key", "key=", "?key=private-files/a", "=private-files/a", "key=private-files/a&key=private-files/a",
     "key=private-files/a&expires_in=", "key=private-files/a&expires_in=1e3", "key=private-files/a&expires_in=-1",
     "key=private-files/a&expires_in=18446744073709551616", "key=private-files/a&expires_in=٣",
     "key=private-files/a&check=1", "key=private-files/a&check=", "key=private-files/a&bucket", "Key=private-files/a",
     "key[]=private-files/a", "key=" + "a" * 100_000,
     # Invalid UTF-8 names no key. The function must not replace it and sign a link to another key.
     "key=private-files/%FF", "key=private-files/a&filename=%C3", "%FF=a&key=private-files/a"],
    ids=lambda query: repr(query)[:40],
)  # fmt: skip
def test_an_invalid_query_is_refused(isolated_function, query):
    response = isolated_function.request(requests.get("/download", query))
    assert response.status in (400, 401, 403), response
    assert len(response.body) < 10_000, "the refusal repeats the request"


@pytest.mark.parametrize(
    "end", ["\r\nSet-Cookie: a=b", "\n", "\r", "\0", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "/..", "\\"]
)
@pytest.mark.parametrize("field", ["filename", "content_type", "disposition"])
def test_control_and_bidi_characters_in_response_headers_are_refused(isolated_function, field, end):
    start = {"filename": "a.pdf", "content_type": "application/pdf", "disposition": "attachment"}[field]
    assert_refused(post_link(isolated_function, {"key": "private-files/a", field: start + end}), "invalid-request", field)


@pytest.mark.parametrize(
    "content_type", ["text/html", "TEXT/HTML", "image/svg+xml", "text/xml", "application/xhtml+xml", "audio/x+xml", "a/b"]
)
def test_content_types_that_can_run_scripts_are_only_signed_with_the_disposition_attachment(
    isolated_function, content_type
):
    fields = {"key": "private-files/a", "content_type": content_type}
    inline = post_link(isolated_function, {**fields, "disposition": "inline"})
    assert_refused(inline, "invalid-request", "content_type", "attachment")
    for attachment in (fields, {**fields, "disposition": "attachment"}):
        response = post_link(isolated_function, attachment)
        assert response.status == 200
        assert "response-content-disposition=attachment&" in response.json()["url"]


@pytest.mark.parametrize(
    "key",
    [
        "other-files/a",
        "private-file",
        "Private-files/a",
        "/private-files/a",
        " private-files/a",
        "\ufeffprivate-files/a",
    ],
)
def test_a_key_that_only_resembles_a_granted_one_is_not_granted(isolated_function, key):
    assert_refused(post_link(isolated_function, {"key": key}), "not-granted")


@pytest.mark.parametrize("key", [".", "..", "../a", "a/..", "a/./b", "a/../../b", "./"])
def test_a_key_that_browsers_would_change_is_refused(isolated_function, key):
    assert_refused(post_link(isolated_function, {"key": f"private-files/{key}"}), "key-not-linkable", "Browsers collapse")


@pytest.mark.parametrize(
    "bucket",
    [
        "another-bucket",
        "",
        "amzn-s3-demo-bucket ",
        "AMZN-S3-DEMO-BUCKET",
        "a/b",
        "arn:aws:s3:::amzn-s3-demo-bucket",
        "?",
    ],
)
def test_a_bucket_without_a_grant_is_refused_whatever_its_name_is(isolated_function, bucket):
    assert_refused(post_link(isolated_function, {"bucket": bucket, "key": "private-files/a"}), "not-granted")


@pytest.mark.parametrize("principal", [None, ""])
def test_a_request_without_a_principal_is_unauthenticated(isolated_function, principal):
    assert_refused(isolated_function.request(requests.post("/links", {"key": "private-files/a"}, principal)), "unauthenticated")


@pytest.mark.parametrize("header", ["authorization", "x-amzn-oidc-identity", "x-forwarded-user", "principal"])
def test_headers_and_body_can_not_set_the_principal(isolated_function, header):
    event = requests.post("/links", {"key": "private-files/a"}, principal=None)
    event["headers"][header] = requests.PRINCIPAL
    assert_refused(isolated_function.request(event), "unauthenticated")
    event["body"] = json.dumps({"key": "private-files/a", "principal": requests.PRINCIPAL})
    assert_refused(isolated_function.request(event), "invalid-request", "principal")


@pytest.mark.parametrize("event", [b"", b"not json", b"\xff\xfe", b"[1", b'{"requestContext": "\xff"}', b"{" * 100_000])
def test_an_event_that_is_not_json_fails_the_invocation_and_the_process_keeps_running(isolated_function, event):
    before = isolated_function.process_id()
    assert "errorType" in isolated_function.invoke(event)
    assert isolated_function.link(key="private-files/a")
    assert isolated_function.process_id() == before is not None


def test_an_unknown_event_is_not_repeated_in_the_log(built):
    """It may be a token that was sent to the wrong function, or five megabytes long."""
    with running.LocalLambda("emulated-other-events", **offline.environment()) as function:
        for event in ("eyJhbGciOiJFUzM4NCJ9.eyJpYXQiOjE3NzY5ODAwNzV9.c2ln", "a" * 5_000_000):
            assert "errorType" in function.invoke(event)
            # The end of the `with` block searches the log for the token.
            assert len(function.log_text()) < 20_000
