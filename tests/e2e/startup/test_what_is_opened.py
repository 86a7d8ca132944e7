"""What the function opens before it asks for its first event: the runtime's socket, and STS for the evidence.

With a declared session there is no connection to STS either. With SnapStart there is none before the restore,
because the snapshot must not contain anything about a session. There is none to DynamoDB: it would be dead after a
freeze, so each invocation makes connections of its own.

Most of these tests need strace, which also sees files that are open only for a moment.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import fake_aws
import pytest
from bare_lambda import requests, shares
from bare_lambda.process import Process
from local_lambda.container_credentials import ContainerCredentials

# The dynamic loader's files, and the one in which Rust's runtime looks for the end of the main thread's stack.
ALLOWED_FILES = re.compile(r"/etc/ld\.so\.(cache|preload)|(/usr)?/lib(64)?/\S+\.so(\.\d+)*|/proc/self/maps")

OPEN_CALL = re.compile(r'\b(?:open|openat|openat2|creat)\((?:[^"]*)"([^"]*)"')
CONNECT_CALL = re.compile(r'\bconnect\(.*?htons\((\d+)\).*?inet_addr\("([^"]*)"\)')
NEXT_REQUEST = "/runtime/invocation/next"

# Time enough for a request that the function would send in the background.
BACKGROUND_SECONDS = 0.3


@dataclass
class Trace:
    """The system calls up to the request for the first event, and the addresses the function was given."""

    # Each call as strace prints it.
    lines: list
    runtime_api: str
    sts: str
    # What STS had been asked when the function asked for its first event.
    sts_requests: list

    def calls(self, *names):
        """The calls with these names."""
        return [line for line in self.lines if re.search(rf"\b(?:{'|'.join(names)})\(", line)]

    def opened(self):
        """The files that were opened."""
        return [found.group(1) for line in self.lines if (found := OPEN_CALL.search(line))]

    def connections(self):
        """The addresses of all connections, as host:port."""
        lines = self.calls("connect")
        found = [CONNECT_CALL.search(line) for line in lines]
        assert all(found), f"a connection that is not over IPv4: {lines}"
        return [f"{host}:{port}" for port, host in (match.groups() for match in found)]


def asked(sts):
    """The operations that STS was asked for so far."""
    return [call.operation for call in sts.calls()]


def can_trace(strace):
    """Whether this path leads to a strace that has permission to trace."""
    return strace is not None and subprocess.run([strace, "-o", os.devnull, "true"], check=False).returncode == 0


def trace_start(function, directory, declared, variables=requests.environment):
    """Trace a start with a declared session or with one whose end the function has to ask STS for.

    `variables` makes the environment.
    """
    strace = shutil.which("strace")
    if not can_trace(strace):
        pytest.skip("strace was not found or may not trace: apt install strace")
    log = directory / "log"
    with fake_aws.refusing() as sts:
        environment = variables(declared=declared, AWS_ENDPOINT_URL_STS=sts.url)
        # -I2: a strace that writes into a file otherwise blocks the signals that would end it.
        with Process([strace, "-I2", "-f", "-s", "256", "-o", log, function], environment) as process:
            process.api.wait_for_next()
            sts_requests = asked(sts)
            process.end(signal.SIGTERM)
            runtime_api = process.api.address
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        first_next = next(number for number, line in enumerate(lines) if NEXT_REQUEST in line)
        return Trace(lines[:first_next], runtime_api, sts.url.removeprefix("http://"), sts_requests)


@pytest.fixture(scope="module")
def declared_start(function, tmp_path_factory):
    """A start with a declared session."""
    return trace_start(function, tmp_path_factory.mktemp("declared"), declared=True)


@pytest.fixture(scope="module")
def undeclared_start(function, tmp_path_factory):
    """A start with a session whose end is not declared."""
    return trace_start(function, tmp_path_factory.mktemp("undeclared"), declared=False)


@pytest.fixture(scope="module")
def start_with_shares(function, tmp_path_factory):
    """A start with a declared session and with shares."""
    return trace_start(function, tmp_path_factory.mktemp("shares"), declared=True, variables=shares.environment)


@pytest.fixture(params=["declared_start", "undeclared_start", "start_with_shares"])
def start(request):
    """Each of these starts."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("name", ["declared_start", "start_with_shares"])
def test_only_the_loader_s_files_are_opened(request, name):
    start = request.getfixturevalue(name)
    assert start.opened(), "strace saw no file, not even the libraries"
    assert [path for path in start.opened() if not ALLOWED_FILES.fullmatch(path)] == []


def test_to_ask_another_sts_than_aws_s_only_the_system_s_certificates_are_opened_besides(undeclared_start):
    # AWS's own STS is verified with the roots that are built in, without any file.
    opened = [path for path in undeclared_start.opened() if not ALLOWED_FILES.fullmatch(path)]
    assert opened, "this start opens the system's certificates"
    certificates = ("/etc/ssl/", "/etc/pki/", "/usr/share/ca-certificates/")
    assert [path for path in opened if not path.startswith(certificates)] == []


def test_no_thread_and_no_process_is_started(start):
    assert start.calls("clone", "clone3", "fork", "vfork") == []


@pytest.mark.parametrize("name", ["declared_start", "start_with_shares"])
def test_with_a_declared_session_only_the_runtime_api_is_connected_to(request, name):
    start = request.getfixturevalue(name)
    # tokio's socketpair transmits signals within the process. It connects to nothing.
    assert len(start.calls("socket")) == 1
    assert start.connections() == [start.runtime_api]
    assert start.sts_requests == []


def test_without_a_declared_session_sts_is_asked_once_and_nothing_else_is_connected_to(undeclared_start):
    assert len(undeclared_start.calls("socket")) == 2
    assert sorted(undeclared_start.connections()) == sorted([undeclared_start.runtime_api, undeclared_start.sts])
    assert undeclared_start.sts_requests == ["GetWebIdentityToken"]


def test_when_the_function_waits_for_its_first_event_it_has_one_thread_and_one_connection(function):
    with Process((function,), requests.environment()) as process:
        process.api.wait_for_next()
        state = Path("/proc") / str(process.pid)
        assert len(list((state / "task").iterdir())) == 1
        held = [os.readlink(descriptor) for descriptor in (state / "fd").iterdir()]
        sockets = {link[len("socket:[") : -1] for link in held if link.startswith("socket:")}
        files = [link for link in held if link.startswith("/") and link != os.devnull]
        tcp = [line.split()[9] for name in ("tcp", "tcp6") for line in (state / "net" / name).read_text().splitlines()[1:]]
        assert len(sockets & set(tcp)) == 1
        # The function inherits the files that are open in this process.
        inherited = {os.readlink(f"/proc/self/fd/{number}") for number in range(3)}
        assert set(files) <= inherited


def test_with_snapstart_sts_is_asked_only_after_the_restore(function):
    with fake_aws.refusing() as sts:
        environment = requests.environment(
            declared=False, AWS_ENDPOINT_URL_STS=sts.url, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start"
        )
        with Process((function,), environment) as process:
            process.api.wait_for_restore_next()
            time.sleep(BACKGROUND_SECONDS)
            assert asked(sts) == []
            process.api.restore()
            process.api.wait_for_next()
            assert asked(sts) == ["GetWebIdentityToken"]


def test_with_snapstart_credentials_are_requested_only_after_the_restore(function):
    """With SnapStart the credentials come from a container credentials endpoint, which also states their end."""
    with ContainerCredentials() as endpoint, fake_aws.refusing() as sts:
        environment = requests.environment(
            declared=False,
            AWS_ENDPOINT_URL_STS=sts.url,
            AWS_LAMBDA_INITIALIZATION_TYPE="snap-start",
            **endpoint.variables(),
        )
        for name in requests.credentials():
            del environment[name]
        with Process((function,), environment) as process:
            process.api.wait_for_restore_next()
            time.sleep(BACKGROUND_SECONDS)
            assert endpoint.requests == 0
            process.api.restore()
            process.api.wait_for_next()
            assert endpoint.requests > 0
            assert asked(sts) == []
