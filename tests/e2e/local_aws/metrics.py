"""The datapoints that the local AWS wrote, and whether they make an alarm go off.

`ministack_patches` writes them. ministack evaluates alarms without their dimensions, so this module does it.
"""

import json
import time
from dataclasses import dataclass

from .template_text import Template

NAMESPACE = "S3LinkSigner"
# With these, the template has every alarm and all of the dashboard.
EVERYTHING = {
    "ShareLinks": "yes", "MailFrom": "a@example.com", "MailAllowedRecipients": "*@example.com", "Grants": "s3://a/b",
    "Uploads": "yes",
}  # fmt: skip
COMPARISONS = {"GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold}
STATISTICS = {"Sum": sum, "Maximum": max}


@dataclass(frozen=True)
class Datapoint:
    time: float
    namespace: str
    metric: str
    dimensions: dict
    value: float


def datapoints(aws):
    """All datapoints so far."""
    if not aws.datapoints.exists():
        return []
    return [Datapoint(**json.loads(line)) for line in aws.datapoints.read_text(encoding="utf-8").splitlines()]


def total(aws, metric, function):
    """The sum of a metric of this function."""
    mine = [point for point in datapoints(aws) if point.metric == metric]
    return sum(point.value for point in mine if point.dimensions == {"FunctionName": function})


def read_by_the_template():
    """The function's own metrics that an alarm or the dashboard reads: each name with the function that it is of."""
    template = Template(**EVERYTHING)
    of_alarms = [template.properties(name) for name in template.resources_of("AWS::CloudWatch::Alarm")]
    read = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"]) for alarm in of_alarms if alarm["Namespace"] == NAMESPACE
    }
    widgets = json.loads(template.properties("Dashboard")["DashboardBody"])["widgets"]
    shown = [metric for widget in widgets for metric in widget["properties"].get("metrics", [])]
    return read | {(metric[1], metric[3]) for metric in shown if metric[0] == NAMESPACE}


def unread(aws):
    """The datapoints so far that nobody reads. Each metric of each function is paid for."""
    read = read_by_the_template()
    functions = {"LinkSigner", "LinkMailer"}
    written = {
        (point.metric, next((f"<{one}>" for one in functions if one in point.dimensions["FunctionName"]), None))
        for point in datapoints(aws)
        if point.namespace == NAMESPACE
    }
    return written - read


def alarms(aws, stack):
    """The alarms of a stack, by their logical ids."""
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    ids = {
        resource["PhysicalResourceId"]: resource["LogicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
    }
    every = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {ids[alarm["AlarmName"]]: alarm for alarm in every if alarm["AlarmName"] in ids}


def goes_off(aws, alarm, faster=1, since=0.0):
    """Whether an alarm goes off now, in a world whose time runs `faster`: periods are shorter, and ages count for more.

    Only datapoints after `since` count. A period without datapoints does not breach, as the template's alarms say.
    """
    assert alarm["TreatMissingData"] == "notBreaching"
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
    mine = [
        point
        for point in datapoints(aws)
        if (point.namespace, point.metric) == (alarm["Namespace"], alarm["MetricName"])
        and point.dimensions == dimensions
        and point.time >= since
    ]
    is_age = alarm["MetricName"].startswith("ApproximateAge")
    period, now = alarm["Period"] / faster, time.time()
    for number in range(alarm["EvaluationPeriods"]):
        end = now - number * period
        values = [point.value for point in mine if end - period < point.time <= end]
        if not values:
            return False
        value = STATISTICS[alarm["Statistic"]](values) * (faster if is_age else 1)
        if not COMPARISONS[alarm["ComparisonOperator"]](value, alarm["Threshold"]):
            return False
    return True
