"""What the function opens before it asks for its first event: nothing but the runtime's socket.

In full that takes strace, which sees files that are open only for a moment. What is still there when the
request has come, threads and sockets, is seen without any tool.
"""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from bare_lambda import requests
from bare_lambda.process import Process

# The dynamic loader's, and the one file in which Rust's runtime looks for the end of the main thread's stack.
ALLOWED = re.compile(r"/etc/ld\.so\.(cache|preload)|(/usr)?/lib(64)?/\S+\.so(\.\d+)*|/proc/self/maps")

OPENS = re.compile(r'\b(?:open|openat|openat2|creat)\((?:[^"]*)"([^"]*)"')
ASKS_FOR_AN_EVENT = "/runtime/invocation/next"


def works(strace):
    """Whether there is a strace that may trace."""
    return strace is not None and subprocess.run([strace, "-o", os.devnull, "true"], check=False).returncode == 0


@pytest.fixture(scope="module")
def calls(function, tmp_path_factory):
    """The system calls up to the request for the first event, each as strace prints it."""
    strace = shutil.which("strace")
    if not works(strace):
        pytest.skip("there is no strace that may trace here: apt install strace")
    log = tmp_path_factory.mktemp("strace") / "log"
    # Nothing states the session's end, so the function wants to ask STS as soon as it may.
    environment = requests.environment(declared=False, AWS_ENDPOINT_URL_STS=requests.UNREACHABLE_ENDPOINT)
    # -I2: else strace, told to write into a file, would let no signal end it.
    with Process([strace, "-I2", "-f", "-s", "256", "-o", log, function], environment) as process:
        process.api.wait_for_next()
        address = process.api.address
        process.end(signal.SIGTERM)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    asked = next(number for number, line in enumerate(lines) if ASKS_FOR_AN_EVENT in line)
    return Trace(lines[:asked], address)


class Trace:
    """Lines of strace, and the Runtime API's address."""

    def __init__(self, lines, address):
        self.lines = lines
        self.address = address

    def of(self, *names):
        """The calls of these names."""
        return [line for line in self.lines if re.search(rf"\b(?:{'|'.join(names)})\(", line)]


def test_no_file_is_opened_but_what_the_loader_reads(calls):
    opened = [found.group(1) for line in calls.lines if (found := OPENS.search(line))]
    assert opened, "strace saw nothing opened, not even the libraries"
    assert [path for path in opened if not ALLOWED.fullmatch(path)] == []


def test_no_socket_is_opened_but_the_runtimes(calls):
    # tokio's socketpair tells of signals within the process, and reaches nobody.
    assert len(calls.of("socket")) == 1
    host, port = calls.address.split(":")
    [connected] = calls.of("connect")
    assert f"htons({port})" in connected and f'inet_addr("{host}")' in connected


def test_no_thread_and_no_process_is_started(calls):
    assert calls.of("clone", "clone3", "fork", "vfork") == []


def test_when_it_waits_for_its_first_event_it_has_one_thread_and_one_connection(function):
    with Process((function,), requests.environment()) as process:
        process.api.wait_for_next()
        state = Path("/proc") / str(process.pid)
        assert len(list((state / "task").iterdir())) == 1
        held = [os.readlink(descriptor) for descriptor in (state / "fd").iterdir()]
        sockets = {link[len("socket:[") : -1] for link in held if link.startswith("socket:")}
        files = [link for link in held if link.startswith("/") and link != os.devnull]
        tcp = [line.split()[9] for name in ("tcp", "tcp6") for line in (state / "net" / name).read_text().splitlines()[1:]]
        assert len(sockets & set(tcp)) == 1
        # Whatever this process itself was started with is inherited: not the function's doing.
        inherited = {os.readlink(f"/proc/self/fd/{number}") for number in range(3)}
        assert set(files) <= inherited
