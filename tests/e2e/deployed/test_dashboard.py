"""The dashboard shows metrics that the function has, and reads the codes of refusals out of lines that it writes."""

import json
import time

import pytest
from local_aws import dashboard, metrics

# AWS Lambda developer guide, "Types of metrics for Lambda functions".
OF_LAMBDA = {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"}


@pytest.fixture(scope="module")
def shown(aws, stack):
    return dashboard.widgets(aws, stack.stack)


def test_every_metric_is_one_of_the_function_s(aws, stack, shown, link):
    asked = dashboard.metrics(shown)
    own = {metric for metric in asked if metric[0] == "S3LinkSigner"}
    names = {"LinksSigned", "LinksRefused", "SessionUnproven", "SessionRemainingSeconds"}
    assert own == {("S3LinkSigner", name, stack.function) for name in names}
    assert {metric[1] for metric in asked - own} >= {"Duration", "Errors"}
    for namespace, metric, function in asked - own:
        assert (namespace, function) == ("AWS/Lambda", stack.function) and metric in OF_LAMBDA
    deadline = time.monotonic() + 10
    while not metrics.total(aws, "LinksSigned", stack.function):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert metrics.total(aws, "SessionRemainingSeconds", stack.function)


def test_refusals_are_counted_by_their_codes(aws, stack, shown, reader, stranger):
    query = dashboard.log_query(shown)
    configured = aws.client("lambda").get_function_configuration(FunctionName=stack.function)
    assert query.group == configured["LoggingConfig"]["LogGroup"]
    before = query.run(lines(aws, query.group))
    for _ in range(2):
        assert stranger.request("POST", f"{stack.api_url}/links", {"key": "private-files/a"}).status == 403
    assert reader.request("POST", f"{stack.api_url}/links", {"key": 1}).status == 400
    deadline = time.monotonic() + 10
    while True:
        now = query.run(lines(aws, query.group))
        new = {code: count - before.get(code, 0) for code, count in now.items() if count != before.get(code, 0)}
        if new == {"not-granted": 2, "invalid-request": 1}:
            return
        assert time.monotonic() < deadline, new
        time.sleep(0.2)


def lines(aws, group):
    """The lines of a log that are JSON."""
    pages = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    messages = [event["message"] for page in pages for event in page["events"]]
    return [json.loads(message) for message in messages if message.startswith("{")]


def test_no_widget_hides_another(shown):
    """The dashboard is 24 columns wide."""
    taken = set()
    for widget in shown:
        columns = range(widget["x"], widget["x"] + widget["width"])
        cells = {(column, row) for column in columns for row in range(widget["y"], widget["y"] + widget["height"])}
        assert not cells & taken and max(columns) < 24
        taken |= cells
