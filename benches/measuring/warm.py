"""What one more link costs a function that is running: processor time, so that waiting is free."""

from bare_lambda import requests as asking
from bare_lambda.process import Process


def one_link(command, environment, slow):
    """Seconds of processor time per invocation, and the memory after them."""
    event = asking.link()
    count = 400 if slow else 2000
    with Process(command, environment) as process:
        for _ in range(count // 10):
            process.invoke(event)
        before = process.cpu_seconds()
        for _ in range(count):
            process.invoke(event)
        return (process.cpu_seconds() - before) / count, process.memory()


def growth(command, environment, count):
    """Resident bytes after a hundredth of `count` invocations, and after all of them."""
    event = asking.link()
    with Process(command, environment) as process:
        for _ in range(count // 100):
            process.invoke(event)
        early = process.memory()["VmRSS"]
        for _ in range(count - count // 100):
            process.invoke(event)
        return early, process.memory()["VmRSS"]
