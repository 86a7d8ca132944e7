"""Metrics reach CloudWatch whatever the level of the function's log is, with Lambda's filter as its guide describes it."""

import json
import time

import pytest
from local_aws import metrics


LEVELS = ["INFO", "WARN", "ERROR", "FATAL"]


@pytest.fixture(params=LEVELS)
def level(request, aws, stack):
    """A level of the function's log."""
    client = aws.client("lambda")
    before = client.get_function_configuration(FunctionName=stack.function)["LoggingConfig"]
    config = {**before, "LogFormat": "JSON", "ApplicationLogLevel": request.param}
    client.update_function_configuration(FunctionName=stack.function, LoggingConfig=config)
    yield request.param
    config = {**config, "ApplicationLogLevel": "INFO"}
    client.update_function_configuration(FunctionName=stack.function, LoggingConfig=config)


def log_lines(aws, stack):
    group = aws.client("lambda").get_function_configuration(FunctionName=stack.function)["LoggingConfig"]["LogGroup"]
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(message) for message in messages if message.startswith("{")]


def test_a_link_and_a_refusal_are_counted(aws, stack, reader, stranger, files, level):
    key = files.put(b"x")
    before = [metrics.total(aws, name, stack.function) for name in ("LinksSigned", "LinksRefused")]
    lines_before = len(log_lines(aws, stack))
    assert reader.request("POST", f"{stack.api_url}/links", {"key": key}).status == 200
    assert stranger.request("POST", f"{stack.api_url}/links", {"key": key}).status == 403
    deadline = time.monotonic() + 10
    while True:
        now = [metrics.total(aws, name, stack.function) for name in ("LinksSigned", "LinksRefused")]
        if now == [count + 1 for count in before] or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert now == [count + 1 for count in before]
    lines = log_lines(aws, stack)[lines_before:]
    least = LEVELS.index(level)
    assert all(LEVELS.index(line.get("level", "INFO")) >= least for line in lines), "the filter lets lower levels through"
