"""The log of the deployed function: it says who got which link, has metrics, and contains nothing that opens a file."""

import json
import time
import uuid

import pytest
from local_aws import api_client


@pytest.fixture(scope="module")
def logged(aws, stack, reader, stranger, files):
    """The log so far, with one more link and one more refusal in it, and that link."""
    key = files.put(b"x", f"logged {uuid.uuid4()}.txt")
    link = reader.request("POST", f"{stack.api_url}/links", {"key": key, "expires_in": 3600}).json()
    refused = stranger.request("POST", f"{stack.api_url}/links", {"key": key})
    assert refused.status == 403
    reader.request("GET", f"{stack.api_url}/download?key={api_client.encode_query(key)}")
    return {"link": link, "key": key, "text": log_text(aws, stack, expected=link["link_id"])}


def log_text(aws, stack, expected):
    """The function's log, once it contains the `expected` text."""
    logs = aws.client("logs")
    group = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["LoggingConfig"]["LogGroup"]
    deadline = time.monotonic() + 10
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        text = "\n".join(event["message"] for page in pages for event in page["events"])
        if expected in text or time.monotonic() > deadline:
            return text
        time.sleep(0.2)


def entries(text):
    """The lines that the function wrote, which are JSON."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def fields(entry):
    """The fields of an entry. Some log formats nest them."""
    nested = entry.get("fields")
    return {**entry, **nested} if isinstance(nested, dict) else entry


def test_each_link_has_one_line_that_says_who_got_it(logged, stack):
    link = logged["link"]
    [line] = [fields(entry) for entry in entries(logged["text"]) if link["link_id"] in json.dumps(entry)]
    assert line["link_id"] == link["link_id"]
    assert line["principal"].endswith(":user/reader-alice")
    assert (line["bucket"], line["key"]) == (stack.bucket, logged["key"])
    assert (line["expires_in"], line["limited_by"]) == (link["expires_in"], link["limited_by"])
    assert line["evidence"] == "minted"


def test_the_metrics_count_links_shortened_windows_and_refusals(logged, stack):
    counted = {}
    for entry in entries(logged["text"]):
        for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "S3LinkSigner"
            assert ["FunctionName"] in directive["Dimensions"]
            assert entry["FunctionName"] == stack.function
            for metric in directive["Metrics"]:
                counted.setdefault(metric["Name"], []).append(entry[metric["Name"]])
    assert sum(counted["LinksSigned"]) >= 2
    assert sum(counted["LinksRefused"]) >= 1
    assert 0 < min(counted["SessionRemainingSeconds"]) <= max(counted["SessionRemainingSeconds"]) <= 3600
    # What is no metric is a field that Logs Insights sums up.
    assert "WindowsShortened" not in counted
    assert sum(entry.get("WindowsShortened", 0) for entry in entries(logged["text"])) >= 1


def test_the_log_contains_nothing_that_opens_a_file(aws, logged, reader):
    text = logged["text"]
    signed = dict(part.split("=", 1) for part in logged["link"]["url"].split("?", 1)[1].split("&"))
    assert signed["X-Amz-Signature"] not in text
    assert signed["X-Amz-Security-Token"] not in text
    for word in ("X-Amz-Signature", "X-Amz-Security-Token", "SecretAccessKey", "SessionToken", "Authorization", "eyJ"):
        assert word.lower() not in text.lower(), word
    assert reader.secret_access_key not in text
    assert aws.secret_access_key not in text
