"""How long a start takes: seconds from exec to the first request for an event, and to the first response."""

from dataclasses import dataclass

from bare_lambda import requests
from bare_lambda.process import Process


@dataclass(frozen=True)
class Start:
    """One start of a process; seconds since exec."""

    first_next: float
    first_response: float
    response: bytes


def start(command, environment):
    """Start a process and let it answer one event."""
    with Process(command, environment) as process:
        asked = process.api.wait_for_next()
        response, arrived = process.api.invoke(requests.link())
        if b"X-Amz-Signature" not in response and b"hello world" not in response:
            raise AssertionError(f"no link in {bytes(response[:500])}")
        return Start(asked - process.started, arrived - process.started, bytes(response))
