"""The memory that the function takes for events as large as Lambda delivers, made to grow as they are parsed.

Each event goes to a process of its own, because the kernel reports only the peak of a process. Linux only.
"""

import json

import pytest
from bare_lambda import requests
from bare_lambda.process import Process
from bare_lambda.runtime_api import FunctionFailed
from local_aws import paths

MAX_EVENT_BYTES = 6 * 1024 * 1024
MAX_RESIDENT_BYTES = 128 * 1024 * 1024

GRANT = {"bucket": requests.BUCKET, "prefix": "private-files/", "region": requests.REGION}

SETTINGS = {
    "GRANTS": json.dumps([{**GRANT, "principals": ["*"]}, {**GRANT, "principals": ["s3-event"]}]),
    "MAIL_FROM": "files@example.com",
    "MAIL_TO": "alice@example.com",
    "MAIL_ALLOWED_RECIPIENTS": "*@example.com",
    "MAIL_TABLE": "mails",
    # Nothing may leave this machine.
    "AWS_ENDPOINT_URL": requests.UNREACHABLE_ENDPOINT,
}


def repeat(start, element, end, size=MAX_EVENT_BYTES):
    """`start`, as many elements as fit into the size, and `end`, as JSON."""
    count = (size - len(start) - len(end)) // (len(element) + 1)
    return start + ",".join([element] * count) + end


def numbered(start, element, end, size=MAX_EVENT_BYTES):
    """The same, but each element has another number in the place of `%d`."""
    parts, length = [], len(start) + len(end)
    while length < size - 100:
        parts.append(element % len(parts))
        length += len(parts[-1]) + 1
    return start + ",".join(parts) + end


def queue_message(body):
    return json.dumps({"messageId": "m", "eventSource": "aws:sqs", "body": body})


def http(where, value):
    """A request whose event has, at `where`, this JSON."""
    event = json.loads(requests.link())
    *parents, name = where.split("/")
    node = event
    for parent in parents:
        node = node[parent]
    node[name] = "HERE"
    start, end = json.dumps(event).split('"HERE"')
    return value(start, end)


def http_body(body):
    """A request for a batch with this body. `body` fills a length; one in a string is longer by its escapes."""
    event = json.loads(requests.event("/links/batch", {}))
    event["body"] = body(MAX_EVENT_BYTES - 8192)
    while len(json.dumps(event)) > MAX_EVENT_BYTES:
        event["body"] = body(len(event["body"]) * 9 // 10)
    return json.dumps(event)


def rest(**fields):
    """A request in payload 1.0 with these fields in the place of its own."""
    event = json.loads((paths.ROOT / "events" / "rest-api" / "get-download.json").read_text(encoding="utf-8"))
    return json.dumps({**event, **fields})


def rest_with(name, value):
    """The same, with one field that is JSON: what `value` puts between the start and the end of the event."""
    start, end = rest(**{name: "HERE"}).split('"HERE"')
    return value(start, end)


DEEP = "[" * 100 + "]" * 100
# Fields without which a record of S3 is not understood. It says that nothing happened.
S3_RECORD = (
    '{"eventSource":"aws:s3","eventTime":"2026-11-23T13:05:16Z","userIdentity":{},"requestParameters":{},'
    '"s3":{"bucket":{},"object":{}}'
)

# Each is made when its test runs: all of them together would take 200 MB.
EVENTS = {
    "empty records": lambda: repeat('{"Records":[', "{}", "]}"),
    "records that are no objects": lambda: repeat('{"Records":[', "1", "]}"),
    "records of S3": lambda: repeat('{"Records":[', S3_RECORD + "}", "]}"),
    "one record of S3 with many fields": lambda: numbered(
        '{"Records":[%s,"responseElements":{' % S3_RECORD, '"%d":""', "}}]}"
    ),
    "a message of SQS, then empty ones": lambda: repeat('{"Records":[{"eventSource":"aws:sqs"},', "{}", "]}"),
    "many small messages of SQS": lambda: repeat('{"Records":[', queue_message(""), "]}"),
    "a message of SQS with many attributes": lambda: numbered(
        '{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":"","messageAttributes":{', '"%d":{}', "}}]}"
    ),
    "messages of SQS with many records each": lambda: repeat(
        '{"Records":[', queue_message('{"Records":[%s]}' % ",".join([S3_RECORD + "}"] * 100)), "]}"
    ),
    "one message of SQS with empty records": lambda: '{"Records":[%s]}'
    % queue_message(repeat('{"Records":[', "{}", "]}", MAX_EVENT_BYTES - 1000)),
    "messages of SQS that are as large as SQS lets them be": lambda: repeat(
        '{"Records":[', queue_message(numbered('{"Records":[%s,"responseElements":{' % S3_RECORD, '"%d":""', "}}]}", 750_000)), "]}"
    ),
    "an event of no known kind": lambda: repeat('{"what":[', "{}", "]}"),
    "an event with many fields": lambda: numbered("{", '"%d":{}', "}"),
    "an event that is an array": lambda: repeat("[", "1", "]"),
    "an event of EventBridge": lambda: repeat(
        '{"source":"aws.s3","detail-type":"Object Created","resources":[', '""', '],"detail":{}}'
    ),
    "a wide context": lambda: http("requestContext/authorizer", lambda start, end: repeat(start + "[", '{"":0}', "]" + end)),
    "a wide context of deep arrays": lambda: http("requestContext/authorizer", lambda start, end: repeat(start + "[", DEEP, "]" + end)),
    "a context that is as wide as is read": lambda: http(
        "requestContext/authorizer", lambda start, end: repeat(start + "[", '{"":0}', "]" + end, 128 * 1024)
    ),
    "many claims": lambda: http("requestContext/authorizer", lambda start, end: numbered(start + '{"jwt":{"claims":{', '"%d":1', "}}}" + end)),
    "a long query": lambda: http("rawQueryString", lambda start, end: start + '"' + "a&" * (MAX_EVENT_BYTES // 2 - 4096) + '"' + end),
    "many headers": lambda: http("headers", lambda start, end: numbered(start + "{", '"h%d":""', "}" + end)),
    "a body that is an array": lambda: http("body", lambda start, end: repeat(start + "[", '{"":0}', "]" + end)),
    "many query parameters": lambda: rest_with("queryStringParameters", lambda start, end: numbered(start + "{", '"%d":""', "}" + end)),
    "many values of query parameters": lambda: rest_with(
        "multiValueQueryStringParameters", lambda start, end: repeat(start + '{"key":[', '""', "]}" + end)
    ),
    "many values of headers": lambda: rest_with("multiValueHeaders", lambda start, end: repeat(start + '{"a":[', '""', "]}" + end)),
    # A gateway's patterns have each name once.
    "path parameters that multiply": lambda: rest(resource="{a}" * 10000, pathParameters={"a": "x" * 60000}),
    "a batch of empty entries": lambda: http_body(lambda length: repeat('{"links":[', "{}", "]}", length)),
    "a batch of numbers": lambda: http_body(lambda length: repeat('{"links":[', "1", "]}", length)),
    "a batch that is an array": lambda: http_body(lambda length: repeat("[", "1", "]", length)),
    "a batch of a thousand large entries": lambda: http_body(
        lambda length: '{"links":[%s]}' % ",".join(['{"key":"%s"}' % ("x" * (length // 1000 - 11))] * 1000)
    ),
    "a batch with an unknown field": lambda: http_body(lambda length: repeat('{"what":[', "{}", "]}", length)),
    "a body with a long text in place of a number": lambda: http_body(
        lambda length: '{"links":[{"key":"a","expires_in":"%s"}]}' % ("é" * (length // 6 - 50))
    ),
}


@pytest.fixture(scope="module")
def function(built):
    return paths.BOOTSTRAP


def respond(process, event):
    """The response to an event. An error that the function reports is one too."""
    try:
        return process.invoke(event)[0]
    except FunctionFailed as failed:
        # The function reports the error of an event that it does not know at another path.
        if b"/error " not in str(failed).encode():
            raise
        return str(failed).encode()


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_of_six_megabytes_takes_at_most_128_megabytes(function, name):
    event = EVENTS[name]().encode()
    assert len(event) <= MAX_EVENT_BYTES
    with Process([function], requests.environment(**SETTINGS)) as process:
        response = respond(process, event)
        assert response
        assert b"panicked" not in bytes(response)
        peak = process.memory()["VmHWM"]
        print(f"{name}: {len(event):,} bytes of event, {peak / 2**20:.0f} MiB, answered {bytes(response[:300])!r}")
    assert peak <= MAX_RESIDENT_BYTES, f"{peak / 2**20:.0f} MiB"
