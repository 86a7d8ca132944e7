"""Requests that nobody should send, one kind after the other, and what each is told.

By hand, for the kinds one can think of; the kinds one can't are left to test_generated_events.
"""

import json
import time

import pytest
from local_lambda import offline, responses, requests, running

# What Lambda returns at most. Source: AWS Lambda guide, "Lambda quotas": 6 MB for a synchronous response.
MAX_ANSWER_BYTES = 6 * 2**20

WRONG_KINDS = [None, True, 0, -1, 1.5, 1e300, "", "a", [], ["a"], {}, {"a": 1}]


def post_link(function, body):
    return function.request(requests.post("/links", body))


def post_batch(function, body):
    return function.request(requests.post("/links/batch", body))


def is_refused(response, code, *words):
    assert responses.problem_code(response) == code, response
    for word in words:
        assert word in response.json()["detail"], response.json()["detail"]


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
        # JSON that a lenient parser takes for an object: its fields by position.
        json.dumps(["amzn-s3-demo-bucket", "private-files/a", None, None, None, None, None, None, None]),
        json.dumps([[{"key": "private-files/a"}]]),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_a_body_that_is_no_request_is_refused_with_where_it_goes_wrong(hardened, path, body):
    response = hardened.request(requests.post(path, body))
    is_refused(response, "invalid-request")
    assert not response.json()["detail"].startswith("?"), response.json()["detail"]


@pytest.mark.parametrize("value", WRONG_KINDS, ids=repr)
@pytest.mark.parametrize(
    "field",
    ["bucket", "key", "version_id", "expires_in", "min_expires_in", "filename", "content_type", "disposition", "check"],
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(hardened, field, value):
    """Some of these are of the right kind for some fields; then the response is a link, or another refusal."""
    response = post_link(hardened, {"key": "private-files/a", field: value})
    right_kind = {"expires_in": (int, float), "min_expires_in": (int, float), "check": bool}.get(field, str)
    if value is None and field != "key":
        assert response.status == 200, "null says nothing"
    elif value is None or not isinstance(value, right_kind) or (right_kind is not bool and isinstance(value, bool)):
        is_refused(response, "invalid-request", field)
    else:
        assert response.status in (200, 400, 401, 403, 422), response


@pytest.mark.parametrize("field", ["Key", "kye", "", "key ", "principal", "x-link-id", "__proto__", "é", "k" * 10_000])
def test_a_field_that_nobody_knows_is_refused_by_name(hardened, field):
    is_refused(
        post_link(hardened, {"key": "private-files/a", field: "b"}), "invalid-request", "unknown field", field[:40]
    )
    response = hardened.request(requests.get("/download", [("key", "private-files/a"), (field, "b")]))
    is_refused(response, "invalid-request", "unknown parameter", field[:40])


@pytest.mark.parametrize("character", ["a", "ü", "日", "🦀"])
def test_a_key_has_at_most_1024_bytes(hardened, character):
    prefix = "private-files/"
    room = 1024 - len(prefix)
    size = len(character.encode())
    # Filled up with one-byte characters where the others do not fit exactly.
    fits = prefix + character * (room // size) + "x" * (room % size)
    link = hardened.link(key=fits)
    assert link["key"] == fits
    is_refused(post_link(hardened, {"key": fits + "x"}), "invalid-request", "key: 1025 bytes")
    is_refused(post_link(hardened, {"key": ""}), "invalid-request", "key: 0 bytes")


def test_a_batch_has_1_to_1000_entries(hardened):
    entry = {"key": "private-files/a"}
    assert len(hardened.batch([entry])) == 1
    assert len(hardened.batch([entry] * 1000)) == 1000
    is_refused(post_batch(hardened, {"links": [entry] * 1001}), "invalid-request", "1001 entries; send 1 to 1000")
    is_refused(post_batch(hardened, {"links": []}), "invalid-request", "0 entries")


def test_an_answer_that_lambda_can_not_return_is_refused_and_what_would_fit_is_named(hardened):
    # Each character is three bytes, in the URL nine, and once more three beside it.
    longest = {"key": "private-files/" + "日" * 336, "filename": "本" * 85}
    refused = post_batch(hardened, {"links": [longest] * 1000})
    is_refused(refused, "answer-too-large", str(MAX_ANSWER_BYTES))
    fit = refused.json()["links_that_fit"]
    assert 0 < fit < 1000
    returned = hardened.invoke(requests.post("/links/batch", {"links": [longest] * fit}))
    assert responses.parse(returned).status == 200
    size = len(json.dumps(returned, ensure_ascii=False, separators=(",", ":")).encode())
    # It fits, and not much room is given away.
    assert MAX_ANSWER_BYTES - 20_000 < size <= MAX_ANSWER_BYTES
    is_refused(post_batch(hardened, {"links": [longest] * (fit + 1)}), "answer-too-large")


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
def test_a_body_as_large_as_lambda_takes_is_refused_in_no_time_and_not_sent_back(hardened, path, body):
    started = time.monotonic()
    response = hardened.request(requests.post(path, body))
    assert response.status == 400
    assert len(response.body) < 10_000, "a refusal repeats what it was sent"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "body", ['"{}"', '{{"{}": 1}}', '{{"key": 1, "filename": {{"{}": 1}}}}', '{{"links": ["{}"]}}']
)
@pytest.mark.parametrize("path", ["/links", "/links/batch"])
def test_a_refusal_fits_into_lambda_s_answer_however_often_what_was_sent_must_be_escaped(hardened, path, body):
    """A quotation mark takes two bytes in JSON, and four in JSON within JSON."""
    response = hardened.request(requests.post(path, body.format('\\"' * 700_000)))
    assert response.status < 500
    assert len(response.body) < 10_000, "a refusal repeats what it was sent"


@pytest.mark.parametrize("path", ["/" + '"' * 700_000, "/" + "\x00" * 300_000], ids=["quotation marks", "NULs"])
def test_a_path_of_any_length_is_no_route(hardened, path):
    response = hardened.request(requests.request("GET", path))
    is_refused(response, "no-such-route")
    assert len(response.body) < 10_000, "a refusal repeats what it was sent"


@pytest.mark.parametrize("body", ["!", "e30", "e30=\x00", "=", "e30==", "/w==", "eyJrZXkiOiAi/yJ9"])
def test_base64_that_is_none_or_hides_no_json_is_refused(hardened, body):
    event = requests.post("/links", body)
    event["isBase64Encoded"] = True
    is_refused(hardened.request(event), "invalid-request")


@pytest.mark.parametrize(
    "path",
    ["", "/", "//links", "/links/", "/LINKS", "/links/batch/x", "/links%2Fbatch", "/links;a", "/./links", "/x/../links",
     "/links\x00", "/links?key=a", "links", "/session/../links", "/" + "a" * 100_000, "/\r\nX: y", "/ünknown"],
    ids=lambda path: repr(path)[:30],
)  # fmt: skip
def test_a_path_that_only_looks_like_a_route_is_none(hardened, path):
    is_refused(hardened.request(requests.request("POST", path, body="{}")), "no-such-route")


@pytest.mark.parametrize(
    "method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "", "GET\r\n", "🦀", "G" * 10_000]
)
@pytest.mark.parametrize(
    "path, allowed", {"/links": "POST", "/links/batch": "POST", "/download": "GET", "/session": "GET"}.items()
)
def test_another_method_is_refused_with_the_one_allowed(hardened, path, allowed, method):
    response = hardened.request(
        requests.request(method, path, query="key=private-files%2Fa", body='{"key": "private-files/a"}')
    )
    is_refused(response, "method-not-allowed")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize(
    "query",
    ["", "&", "=", "key", "key=", "?key=private-files/a", "=private-files/a", "key=private-files/a&key=private-files/a",
     "key=private-files/a&expires_in=", "key=private-files/a&expires_in=1e3", "key=private-files/a&expires_in=-1",
     "key=private-files/a&expires_in=18446744073709551616", "key=private-files/a&expires_in=٣",
     "key=private-files/a&check=1", "key=private-files/a&check=", "key=private-files/a&bucket", "Key=private-files/a",
     "key[]=private-files/a", "key=" + "a" * 100_000,
     # Bytes that are no UTF-8 name no key; another key must not be linked in their stead.
     "key=private-files/%FF", "key=private-files/a&filename=%C3", "%FF=a&key=private-files/a"],
    ids=lambda query: repr(query)[:40],
)  # fmt: skip
def test_a_query_that_is_no_request_is_refused(hardened, query):
    response = hardened.request(requests.get("/download", query))
    assert response.status in (400, 401, 403), response
    assert len(response.body) < 10_000, "a refusal repeats what it was sent"


@pytest.mark.parametrize(
    "end", ["\r\nSet-Cookie: a=b", "\n", "\r", "\0", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "/..", "\\"]
)
@pytest.mark.parametrize("field", ["filename", "content_type", "disposition"])
def test_nothing_in_a_wish_can_add_a_header_or_turn_a_name_around(hardened, field, end):
    start = {"filename": "a.pdf", "content_type": "application/pdf", "disposition": "attachment"}[field]
    is_refused(post_link(hardened, {"key": "private-files/a", field: start + end}), "invalid-request", field)


@pytest.mark.parametrize(
    "content_type", ["text/html", "TEXT/HTML", "image/svg+xml", "text/xml", "application/xhtml+xml", "a/b"]
)
def test_what_could_run_script_is_given_as_an_attachment_or_not_at_all(hardened, content_type):
    wish = {"key": "private-files/a", "content_type": content_type}
    is_refused(post_link(hardened, wish), "invalid-request", "content_type", "attachment")
    is_refused(post_link(hardened, {**wish, "disposition": "inline"}), "invalid-request", "content_type")
    assert post_link(hardened, {**wish, "disposition": "attachment"}).status == 200


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
def test_a_key_that_is_only_like_a_granted_one_is_not_granted(hardened, key):
    is_refused(post_link(hardened, {"key": key}), "not-granted")


@pytest.mark.parametrize("key", [".", "..", "../a", "a/..", "a/./b", "a/../../b", "./"])
def test_a_key_that_browsers_would_change_is_not_linked(hardened, key):
    is_refused(post_link(hardened, {"key": f"private-files/{key}"}), "key-not-linkable", "Browsers collapse")


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
def test_a_bucket_that_is_not_granted_is_refused_whatever_it_is_called(hardened, bucket):
    is_refused(post_link(hardened, {"bucket": bucket, "key": "private-files/a"}), "not-granted")


@pytest.mark.parametrize("principal", [None, ""])
def test_without_a_principal_nobody_is_signed_in(hardened, principal):
    is_refused(hardened.request(requests.post("/links", {"key": "private-files/a"}, principal)), "unauthenticated")


@pytest.mark.parametrize("header", ["authorization", "x-amzn-oidc-identity", "x-forwarded-user", "principal"])
def test_no_header_and_no_body_says_who_the_principal_is(hardened, header):
    event = requests.post("/links", {"key": "private-files/a"}, principal=None)
    event["headers"][header] = requests.PRINCIPAL
    is_refused(hardened.request(event), "unauthenticated")
    event["body"] = json.dumps({"key": "private-files/a", "principal": requests.PRINCIPAL})
    is_refused(hardened.request(event), "invalid-request", "principal")


@pytest.mark.parametrize("event", [b"", b"not json", b"\xff\xfe", b"[1", b'{"requestContext": "\xff"}', b"{" * 100_000])
def test_what_is_not_even_json_fails_the_invocation_and_the_function_lives_on(hardened, event):
    before = hardened.process_id()
    assert "errorType" in hardened.invoke(event)
    assert hardened.link(key="private-files/a")
    assert hardened.process_id() == before is not None


def test_what_is_no_http_event_is_not_repeated_in_the_log(built):
    """It may be anything: a token that somebody sent to the wrong function, or five megabytes."""
    with running.LocalLambda("emulated-other-events", **offline.environment()) as function:
        for event in ("eyJhbGciOiJFUzM4NCJ9.eyJpYXQiOjE3NzY5ODAwNzV9.c2ln", "a" * 5_000_000):
            assert "errorType" in function.invoke(event)
            # By its end the function's log is searched for the token.
            assert len(function.log_text()) < 20_000
