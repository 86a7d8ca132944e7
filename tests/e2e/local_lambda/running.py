"""Runs the built bootstrap under AWS's Lambda runtime emulator and invokes it with one event at a time.

The SAM CLI contains this emulator, and `sam local` uses it. It starts the bootstrap when the first event arrives,
and again when the bootstrap has ended. `local_aws.building` builds the bootstrap.
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

from local_aws import building, commands, emulator, isolation, paths

from . import requests, responses, secrecy

LOGS = paths.TARGET / f"local-lambda{paths.WORKER}"

# The emulator's file for each of Lambda's architectures.
EMULATORS = {"x86_64": "aws-lambda-rie-x86_64", "arm64": "aws-lambda-rie-arm64"}

# No process listens on this port. A call to it fails at once and does not leave this machine.
UNREACHABLE_ENDPOINT = "http://127.0.0.1:1"

NAME = "signer"

# The content types of what people read.
READ_BY_PEOPLE = ("text/html", "application/problem+json")

SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN")
# Each function that is started has a log of its own, with a number in its name.
LOG_NUMBERS = itertools.count(1)

TOKEN_IN_LINK = re.compile(r"X-Amz-Security-Token=([^&\"\\]+)")
# What a response tells once: a share's address, a passcode that was made, and a browser's cookie.
SECRETS_OF_SHARES = re.compile(
    r'\\"url\\":\\"[^"]*/s/([\w-]{27})\\"|\\"passcode\\":\\"([^"\\]+)\\"|"press=([\w-]{27});'
)


class LocalLambda:
    """A function that runs until the `with` block ends.

    The end of the block searches the log for secrets and raises an AssertionError if it finds one. So every test
    that uses this class also tests the log. In the same way it searches what people read: pages and problems.
    """

    def __init__(self, name, **variables):
        """`variables` is the function's environment. Without an endpoint in it, calls to STS fail at once."""
        self.log = LOGS / f"{name}-{next(LOG_NUMBERS)}.log"
        self.secrets = []
        # The bodies of the pages and problems so far.
        self.shown = []
        has_s3 = bool({"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} & variables.keys())
        self._variables = {
            "AWS_ENDPOINT_URL_STS": variables.get("AWS_ENDPOINT_URL", UNREACHABLE_ENDPOINT),
            # Nothing may leave this machine, so no bucket's policy is read where there is no S3.
            **({} if has_s3 else {"BUCKET_POLICY": "ignore"}),
            **variables,
        }
        self._connection = None

    def __enter__(self):
        self.add_secrets(*(self._variables[name] for name in SECRET_VARIABLES if self._variables.get(name)))
        port, runtime_api_port = emulator.free_port(), emulator.free_port()
        environment = isolation.clean_environment(
            AWS_LAMBDA_FUNCTION_NAME=NAME,
            AWS_LAMBDA_LOG_FORMAT="JSON",
            # The emulator would look for a handler there.
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
        # The Runtime API must be ready too. A bootstrap that can't connect to it ends at once.
        for needed in (runtime_api_port, port):
            self._wait_until_listening(needed, seconds=10)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        return self

    def __exit__(self, *_):
        self._connection.close()
        bootstrap = self.process_id()
        commands.end(self._process)
        if bootstrap is not None:
            kill(bootstrap)
        leaked = secrecy.leaks(self.log_text(), self.secrets)
        assert not leaked, f"{self.log} contains {leaked}"
        leaked = secrecy.secrets_in("\n".join(self.shown), self.secrets)
        assert not leaked, f"a page or a problem of {self.log} contains {leaked}"

    def invoke(self, event):
        """Send the function an event, as bytes or as JSON. Returns the parsed result.

        The result is a response or Lambda's description of an error. It is None if the bootstrap ended without one.
        """
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        self._connection.request("POST", "/2015-03-31/functions/function/invocations", payload)
        try:
            response = self._connection.getresponse()
            body = response.read()
        except http.client.RemoteDisconnected:
            # If the bootstrap ends, the emulator closes the connection or responds with 502.
            return None
        # The tokens of sessions that the function itself obtained are known only from its links.
        text = body.decode(errors="replace")
        self.add_secrets(*map(unquote, set(TOKEN_IN_LINK.findall(text))))
        self.add_secrets(*(next(filter(None, groups)) for groups in set(SECRETS_OF_SHARES.findall(text))))
        result = json.loads(body) if response.status == 200 else None
        if isinstance(result, dict) and result.get("headers", {}).get("content-type", "").startswith(READ_BY_PEOPLE):
            self.shown.append(result["body"])
        return result

    def request(self, event):
        """Send the function an HTTP event. The result must be a valid HTTP response."""
        return responses.parse(self.invoke(event), is_head=requests.method_of(event) == "HEAD")

    def link(self, principal=requests.PRINCIPAL, **fields):
        """Ask for a link. Returns the response's JSON, and fails if there is no link."""
        response = self.request(requests.post("/links", fields, principal))
        assert response.status == 200, response.body
        return response.json()

    def batch(self, entries):
        """Ask for a batch of links. Returns a link or a problem for each entry."""
        response = self.request(requests.post("/links/batch", {"links": entries}))
        assert response.status == 200, response.body
        return response.json()["links"]

    def log_text(self):
        """Everything that the function and the emulator have logged so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def log_entries(self):
        """The JSON lines that the function has logged so far."""
        return [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]

    def process_id(self):
        """The bootstrap's process id. None if it is not running."""
        for process in os.listdir("/proc"):
            if process.isdigit() and parent_of(int(process)) == self._process.pid:
                return int(process)
        return None

    def add_secrets(self, *secrets):
        """Add values that the log must not contain. Those in the environment are known already."""
        self.secrets.extend(secret for secret in secrets if secret not in self.secrets)

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
    """The path of the emulator for this machine's processor."""
    name = EMULATORS[building.architecture()]
    [found] = paths.TOOLS.glob(f"lib/python*/site-packages/samcli/local/rapid/{name}")
    found.chmod(0o755)
    return found


def parent_of(process):
    """The id of a process's parent. None if the process has ended."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stat:
            # The name in parentheses may contain any character, so the text after its end is parsed.
            return int(re.split(r"\) . ", stat.read())[-1].split()[0])
    except (OSError, ValueError):
        return None


def kill(process):
    """Kill a bootstrap whose emulator has ended."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
