"""Every metric is paid for, so each is one that an alarm or the dashboard reads. The other counters are fields of the log."""

import json
import re

from local_aws import metrics, paths
from local_aws.template_text import Template

# A gauge, which is written apart.
GAUGES = {"SessionRemainingSeconds"}


def counters(kind):
    """The counters of a kind in src/telemetry/metrics.rs."""
    text = (paths.ROOT / "src" / "telemetry" / "metrics.rs").read_text(encoding="utf-8")
    [block] = re.findall(rf"^    {kind} {{\n(.*?)^    }}\n", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^        (\w+),$", block, re.MULTILINE))


def test_the_template_reads_every_metric_and_no_other():
    assert {name for name, _ in metrics.read_by_the_template()} == counters("Metric") | GAUGES


def test_of_each_function_it_reads_what_this_one_counts():
    read = metrics.read_by_the_template()
    mails = {"MailsSent", "MailsFailed"}
    assert {name for name, function in read if function == "<LinkMailer>"} == mails | {"GrantsObjectInvalid"}
    assert {name for name, function in read if function == "<LinkSigner>"} == (counters("Metric") | GAUGES) - mails


def test_the_dashboard_sums_up_fields_that_are_no_metrics():
    widgets = json.loads(Template(**metrics.EVERYTHING).properties("Dashboard")["DashboardBody"])["widgets"]
    queries = [widget["properties"]["query"] for widget in widgets if widget["type"] == "log"]
    summed = {name for query in queries for name in re.findall(r"sum\((\w+)\)", query)}
    # The log has each of these two in a line of its own: a link's limited_by, a refusal's code.
    assert summed == counters("Field") - {"WindowsShortened", "WindowsTooShort"}


def test_the_document_names_every_counter():
    text = (paths.ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [section] = re.findall(r"^## Metrics\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    of_metrics, of_fields = section.split("| field |")
    assert set(re.findall(r"^\| `.*?\|", of_metrics, re.MULTILINE)) and named(of_metrics) == counters("Metric") | GAUGES
    assert named(of_fields) == counters("Field")


def named(table):
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}
