"""A container engine, and a folder in which the documents' commands run as they stand."""

import contextlib
import os
import subprocess
import time

import pytest
from local_aws import building, commands, isolation, paths
from sam_local import documented, engine

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "a-session-token",
}


class Terminal:
    """Runs commands as people type them in the checkout."""

    def __init__(self, engine):
        self.engine = engine

    def start(self, typed, output=subprocess.PIPE, **variables):
        """Start commands. A variable that is None is not set."""
        environment = isolation.with_tools(
            **building.VARIABLES,
            **self.engine.variables,
            # SAM asks STS who the caller is. That STS refuses, or is out of reach, does not matter to it.
            AWS_MAX_ATTEMPTS="1",
            **{**CREDENTIALS, **variables},
        )
        return subprocess.Popen(
            self.engine.command(["bash", "-euo", "pipefail", "-c", typed]),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env={name: value for name, value in environment.items() if value is not None},
            start_new_session=True,
        )

    def run(self, typed, **variables):
        """Run commands. Returns their exit status and all that they print."""
        with building.alone(paths.RELEASE):
            process = self.start(typed, **variables)
            try:
                printed, _ = process.communicate(timeout=300)
            except BaseException:
                commands.end(process)
                raise
        return process.returncode, printed

    @contextlib.contextmanager
    def api(self, typed):
        """Run a command that serves an API, until the end of the block."""
        log = paths.TARGET / "sam-local" / "api.log"
        deadline = time.monotonic() + 60
        with open(log, "wb") as out:
            process = self.start(typed, output=out)
        try:
            while "Running on http://127.0.0.1:3000" not in log.read_text(encoding="utf-8"):
                assert process.poll() is None and time.monotonic() < deadline, commands.tail(log, 20)
                time.sleep(0.1)
            yield
        finally:
            # On SIGTERM, SAM takes away its containers.
            commands.end(process, timeout=10)


@pytest.fixture(scope="session")
def container_engine(built):
    """A container engine. Without one these tests fail in CI, and are skipped elsewhere."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(engine.running())
        except engine.Unavailable as reason:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(str(reason))
        yield found


@pytest.fixture(scope="session")
def terminal(container_engine):
    """A terminal in which env.json has been written and the function has been built."""
    terminal = Terminal(container_engine)
    status, printed = terminal.run(f"{documented.settings()}\nsam build")
    assert status == 0, printed
    return terminal
