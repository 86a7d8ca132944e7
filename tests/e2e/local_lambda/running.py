"""Runs the built bootstrap under AWS's runtime emulator and invokes it, one event at a time.

The emulator is the one `sam local` uses; it comes with the SAM CLI. It starts the bootstrap when the
first event arrives, and anew when it has ended. Nothing here builds anything.
"""

import http.client
import itertools
import json
import os
import re
import signal
import socket
import time
from urllib.parse import unquote

from local_aws import building, commands, emulator, paths, isolation

from . import responses, requests, secrecy

LOGS = paths.TARGET / "local-lambda"

# How Lambda names its architectures, and how the emulator's files are named.
EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "arm64": "aws-lambda-rie-arm64"}

# Nobody listens there: a call that is not meant to be made fails at once, and never leaves this machine.
UNREACHABLE_ENDPOINT = "http://127.0.0.1:1"

NAME = "signer"

SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
# One log for each function that is started.
NUMBERS = itertools.count(1)

TOKEN_IN_LINK = re.compile(r"X-Amz-Security-Token=([^&\"\\]+)")


class LocalLambda:
    """A running function, for as long as the `with` block lasts.

    When the block ends its log is searched, and an AssertionError says what was found: no test has to
    remember to.
    """

    def __init__(self, name, **variables):
        """`variables` is the function's environment; it calls nobody unless an endpoint is named there."""
        self.log = LOGS / f"{name}-{next(NUMBERS)}.log"
        self._secrets = []
        self._variables = {"AWS_ENDPOINT_URL_STS": variables.get("AWS_ENDPOINT_URL", UNREACHABLE_ENDPOINT), **variables}
        self._connection = None

    def __enter__(self):
        self.add_secrets(*(self._variables[name] for name in SECRET_VARIABLES if self._variables.get(name)))
        port, runtime_api_port = emulator.free_port(), emulator.free_port()
        environment = isolation.bare(
            AWS_LAMBDA_FUNCTION_NAME=NAME,
            AWS_LAMBDA_LOG_FORMAT="JSON",
            # Not the emulator's business: it would look for a handler there.
            HOME=os.devnull,
            **self._variables,
        )
        self._process = commands.start(
            [
                runtime_emulator(),
                "--runtime-interface-emulator-address",
                f"127.0.0.1:{port}",
                "--runtime-api-address",
                f"127.0.0.1:{runtime_api_port}",
                paths.BOOTSTRAP,
            ],
            log=self.log,
            env=environment,
            cwd=LOGS,
        )
        # Both: a bootstrap that is started before the runtime API listens ends at once.
        for awaited in (runtime_api_port, port):
            self._wait_until_listening(awaited, seconds=10)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        return self

    def __exit__(self, *_):
        self._connection.close()
        bootstrap = self.process_id()
        commands.end(self._process)
        if bootstrap is not None:
            end_orphan(bootstrap)
        leaked = secrecy.leaks(self.log_text(), self._secrets)
        assert not leaked, f"{self.log} holds {leaked}"

    def invoke(self, event):
        """Give the function an event, as bytes or as what is JSON; returns what it made of it, parsed.

        That is an response, or Lambda's account of an error. None: the bootstrap ended without a word.
        """
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        self._connection.request("POST", "/2015-03-31/functions/function/invocations", payload)
        try:
            response = self._connection.getresponse()
            body = response.read()
        except http.client.RemoteDisconnected:
            # One of the two ways in which the emulator takes it; the other is status 502.
            return None
        # Sessions that the function got for itself are first seen here.
        self.add_secrets(*map(unquote, set(TOKEN_IN_LINK.findall(body.decode(errors="replace")))))
        return json.loads(body) if response.status == 200 else None

    def request(self, event):
        """Give the function an HTTP event; its response must be one."""
        return responses.parse(self.invoke(event))

    def link(self, principal=requests.PRINCIPAL, **fields):
        """Ask for a link that must be given. Returns the response's JSON."""
        response = self.request(requests.post("/links", fields, principal))
        assert response.status == 200, response.body
        return response.json()

    def batch(self, entries):
        """Ask for links in a batch. Returns a link or a problem for each entry."""
        response = self.request(requests.post("/links/batch", {"links": entries}))
        assert response.status == 200, response.body
        return response.json()["links"]

    def log_text(self):
        """All that the function and the emulator have written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def log_entries(self):
        """The lines of JSON that the function itself has written so far."""
        return [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]

    def process_id(self):
        """The bootstrap's process id; None if there is none."""
        for process in os.listdir("/proc"):
            if process.isdigit() and parent_of(int(process)) == self._process.pid:
                return int(process)
        return None

    def add_secrets(self, *secrets):
        """Words that must not be in the log, besides those in the environment."""
        self._secrets.extend(secret for secret in secrets if secret not in self._secrets)

    def _wait_until_listening(self, port, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    commands.end(self._process)
                    raise commands.Failure("the runtime emulator did not start", self.log) from None
                time.sleep(0.01)


def runtime_emulator():
    """The emulator for this machine's processor."""
    name = EMULATORS[building.architecture()]
    [found] = paths.TOOLS.glob(f"lib/python*/site-packages/samcli/local/rapid/{name}")
    found.chmod(0o755)
    return found


def parent_of(process):
    """A process's parent, or None when either is gone."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stat:
            # The name in parentheses may hold anything, so what follows its end is read.
            return int(re.split(r"\) . ", stat.read())[-1].split()[0])
    except (OSError, ValueError):
        return None


def end_orphan(process):
    """End a bootstrap that outlived its emulator."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
