"""Writes the datapoints of metrics to the file `metrics.jsonl`. `local_aws.metrics` reads it."""

import json
import os
import pathlib
import threading
import time

LOCK = threading.Lock()


def write(namespace, metric, dimensions, value):
    datapoint = {
        "time": time.time(), "namespace": namespace, "metric": metric, "dimensions": dimensions, "value": value,
    }
    with LOCK, open(pathlib.Path(os.environ["TMPDIR"]) / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(datapoint) + "\n")
