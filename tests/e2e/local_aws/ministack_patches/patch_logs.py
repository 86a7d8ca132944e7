"""Lambda and CloudWatch: lines of a function's log are filtered by their level, and metrics are read out of what is left."""

import json
from datetime import datetime

import datapoints

LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


def level(line):
    """A line's level, as Lambda reads it. `INFO` if the line is no JSON, or names no level or no time in RFC 3339.

    Source: AWS Lambda developer guide, "Log-level filtering". It has no exception for lines of metrics.
    """
    try:
        fields = json.loads(line)
        datetime.fromisoformat(fields["timestamp"])
        named = fields["level"].upper()
    except (ValueError, TypeError, KeyError, AttributeError):
        return "INFO"
    return named if named in LEVELS else "INFO"


def filter_lines_by_level():
    """ministack keeps every line, does not tell the function its level, and reads no metrics out of lines."""
    from ministack.services import lambda_svc

    original_emit = lambda_svc._emit_lambda_logs
    original_env = lambda_svc._runtime_env_vars
    original_update = lambda_svc._update_config

    def application_level(config):
        return (config.get("LoggingConfig") or {}).get("ApplicationLogLevel", "INFO")

    def runtime_env_vars(config):
        return {**original_env(config), "AWS_LAMBDA_LOG_LEVEL": application_level(config)}

    def update_config(name, data):
        """ministack keeps a running function when only its log's level changes. Lambda starts a new one."""
        response = original_update(name, data)
        lambda_svc.invalidate_worker(name, qualifier="$LATEST")
        return response

    def emit(function, request_id, log_text, error, duration_ms, *, log_source=None):
        least = LEVELS.index(application_level(function.get("config") or function))
        lines = [line for line in (log_text or "").splitlines() if LEVELS.index(level(line)) >= least]
        for line in lines:
            write_metrics(line)
        original_emit(function, request_id, "\n".join(lines), error, duration_ms, log_source=log_source)

    def write_metrics(line):
        """Source: Amazon CloudWatch user guide, "Specification: Embedded metric format"."""
        try:
            fields = json.loads(line)
            directives = fields["_aws"]["CloudWatchMetrics"]
        except (ValueError, TypeError, KeyError):
            return
        for directive in directives:
            for names in directive["Dimensions"]:
                dimensions = {name: fields[name] for name in names}
                for metric in directive["Metrics"]:
                    name = metric["Name"]
                    datapoints.write(directive["Namespace"], name, dimensions, fields[name])

    lambda_svc._emit_lambda_logs = emit
    lambda_svc._runtime_env_vars = runtime_env_vars
    lambda_svc._update_config = update_config
