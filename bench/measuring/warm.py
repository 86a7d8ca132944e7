"""What one more link costs a running function: CPU time, because waiting costs nothing."""

from bare_lambda import requests
from bare_lambda.process import Process


def one_link(command, environment, slow):
    """Seconds of CPU time per invocation, and the memory afterwards."""
    event = requests.link()
    count = 400 if slow else 2000
    with Process(command, environment) as process:
        for _ in range(count // 10):
            process.invoke(event)
        before = process.cpu_seconds()
        for _ in range(count):
            process.invoke(event)
        return (process.cpu_seconds() - before) / count, process.memory()


def memory_growth(command, environment, count):
    """Resident bytes that one process gains between a hundredth of `count` invocations and the last."""
    event = requests.link()
    with Process(command, environment) as process:
        for _ in range(count // 100):
            process.invoke(event)
        early = process.memory()["VmRSS"]
        for _ in range(count - count // 100):
            process.invoke(event)
        return max(0, process.memory()["VmRSS"] - early)
