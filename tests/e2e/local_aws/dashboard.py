"""The deployed dashboard, and what its widgets ask for."""

import json
import re
from dataclasses import dataclass

from . import deploying


@dataclass(frozen=True)
class LogQuery:
    """A widget's query of CloudWatch Logs Insights: lines whose field has a value, counted by another field."""

    group: str
    field: str
    value: str
    counted_by: str

    def run(self, lines):
        """The counts. The local AWS can't count."""
        counts = {}
        for line in lines:
            if line.get(self.field) == self.value:
                name = line.get(self.counted_by)
                counts[name] = counts.get(name, 0) + 1
        return counts


def widgets(aws, stack):
    """The widgets of a stack's dashboard."""
    name = deploying.stack_outputs(aws, stack)["DashboardName"]
    return json.loads(aws.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])["widgets"]


def metrics(found):
    """The metrics of the widgets: namespace, name, and the function's name."""
    shown = [metric for widget in found if widget["type"] == "metric" for metric in widget["properties"]["metrics"]]
    assert all(metric[2] == "FunctionName" for metric in shown)
    return {(metric[0], metric[1], metric[3]) for metric in shown}


def log_query(found):
    """The query of the only widget about a log."""
    [widget] = [widget for widget in found if widget["type"] == "log"]
    pattern = r"SOURCE '(.+)' \| filter (\w+) = '(.+)' \| stats count\(\*\) as (\w+) by (\w+) \| sort (\w+) desc"
    group, field, value, named, counted_by, sorted_by = re.fullmatch(pattern, widget["properties"]["query"]).groups()
    assert named == sorted_by
    return LogQuery(group, field, value, counted_by)
