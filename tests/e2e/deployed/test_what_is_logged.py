"""What the deployed function writes into its log: who got which link, metrics, and nothing one could open a file with."""

import json
import time
import uuid

import pytest
from local_aws import api_client


@pytest.fixture(scope="module")
def logged(aws, stack, reader, stranger, files):
    """Everything logged so far in this run, after one link given and one refused; and those two."""
    key = files.put(b"x", f"logged {uuid.uuid4()}.txt")
    link = reader.request("POST", f"{stack.api_url}/links", {"key": key, "expires_in": 3600}).json()
    refused = stranger.request("POST", f"{stack.api_url}/links", {"key": key})
    assert refused.status == 403
    reader.request("GET", f"{stack.api_url}/download?key={api_client.encode_query(key)}")
    return {"link": link, "key": key, "text": text_of_log(aws, stack, awaited=link["link_id"])}


def text_of_log(aws, stack, awaited):
    """The function's log, once what is awaited is in it."""
    logs = aws.client("logs")
    group = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["LoggingConfig"]["LogGroup"]
    deadline = time.monotonic() + 10
    while True:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        text = "\n".join(event["message"] for page in pages for event in page["events"])
        if awaited in text or time.monotonic() > deadline:
            return text
        time.sleep(0.2)


def entries(text):
    """The lines the function itself wrote: each is JSON."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def fields(entry):
    """An entry's fields, wherever the log format nests them."""
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


def test_metrics_count_what_happened_for_the_alarms_to_see(logged, stack):
    counted = {}
    for entry in entries(logged["text"]):
        for directive in entry.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "S3LinkSigner"
            assert ["FunctionName"] in directive["Dimensions"]
            assert entry["FunctionName"] == stack.function
            for metric in directive["Metrics"]:
                counted.setdefault(metric["Name"], []).append(entry[metric["Name"]])
    assert sum(counted["LinksSigned"]) >= 2
    assert sum(counted["WindowsShortened"]) >= 1
    assert sum(counted["LinksRefused"]) >= 1
    assert 0 < min(counted["SessionRemainingSeconds"]) <= max(counted["SessionRemainingSeconds"]) <= 3600


def test_nothing_in_the_log_opens_a_file(aws, logged, reader):
    """Of all the tests so far, not only of these."""
    text = logged["text"]
    signed = dict(part.split("=", 1) for part in logged["link"]["url"].split("?", 1)[1].split("&"))
    assert signed["X-Amz-Signature"] not in text
    assert signed["X-Amz-Security-Token"] not in text
    for word in ("X-Amz-Signature", "X-Amz-Security-Token", "SecretAccessKey", "SessionToken", "Authorization", "eyJ"):
        assert word.lower() not in text.lower(), word
    assert reader.secret_access_key not in text
    assert aws.secret_access_key not in text
