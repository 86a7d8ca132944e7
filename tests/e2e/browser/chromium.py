"""Runs Chromium without a window, and drives it over the DevTools protocol.

Chromium reads the protocol's messages from one pipe and writes them to another, so it opens no port. It resolves no
host name but those below `localhost`, so it can reach only this machine.
"""

import contextlib
import fcntl
import itertools
import json
import os
import queue
import sys
import tempfile
import threading
import time

from local_aws import commands, isolation, paths

from . import installing, npm
from .tab import Tab

# Chromium finds the pipes at the file descriptors 3 and 4.
LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""

ARGUMENTS = [
    "--headless",
    "--remote-debugging-pipe",
    # A container has no permission for the sandbox. The browser opens nothing but the tests' own files.
    "--no-sandbox",
    "--no-zygote",
    "--disable-gpu",
    # A container's /dev/shm is small.
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE *.localhost",
]

SECONDS = 30


class Chromium:
    """A browser that runs until the `with` block ends. Raises npm.Unavailable if it doesn't start."""

    def __init__(self):
        self.log = paths.TARGET / "chromium.log"
        self._ids = itertools.count(1)
        self._events = queue.SimpleQueue()
        # What tabs have sent, for those that ask for it.
        self._network = []
        self._results = {}
        self._arrived = threading.Condition()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            # Chromium may still write to its profile while it ends.
            self._profile = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
            )
            their_input, our_output = high_pipe()
            our_input, their_output = high_pipe()
            self._commands = stack.enter_context(open(our_output, "wb"))
            self._messages = stack.enter_context(open(our_input, "rb"))
            self._process = commands.start(
                [
                    *(sys.executable, "-I", "-S", "-c", LAUNCH, their_input, their_output),
                    *(installing.PROGRAM, *ARGUMENTS, f"--user-data-dir={self._profile}", "about:blank"),
                ],
                log=self.log,
                env=isolation.clean_environment(
                    HOME=self._profile,
                    LD_LIBRARY_PATH=str(installing.LIBRARIES),
                    FONTCONFIG_PATH=str(installing.FONTS),
                ),
                cwd=self._profile,
                pass_fds=(their_input, their_output),
            )
            stack.callback(commands.end, self._process)
            os.close(their_input)
            os.close(their_output)
            threading.Thread(target=self._read, daemon=True).start()
            try:
                self.version = self.call("Browser.getVersion")["product"]
            except (ConnectionError, TimeoutError):
                raise npm.Unavailable(str(commands.Failure("Chromium did not start", self.log))) from None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @contextlib.contextmanager
    def tab(self):
        """An empty tab with cookies, caches and service workers of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        try:
            with tempfile.TemporaryDirectory(prefix="downloads-", dir=self._profile) as downloads:
                self.call(
                    "Browser.setDownloadBehavior",
                    behavior="allowAndName",
                    browserContextId=context,
                    downloadPath=downloads,
                    eventsEnabled=True,
                )
                target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
                session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
                self.call("Page.enable", session)
                self.call("Page.setLifecycleEventsEnabled", session, enabled=True)
                # A tab in the background does not take keys.
                self.call("Emulation.setFocusEmulationEnabled", session, enabled=True)
                yield Tab(self, session, downloads)
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)

    def call(self, method, session=None, **parameters):
        """Send a command and wait for its result. Without a session it is for the browser as a whole."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        self._commands.write(json.dumps(message).encode() + b"\0")
        self._commands.flush()
        with self._arrived:
            if not self._arrived.wait_for(lambda: number in self._results or None in self._results, SECONDS):
                raise TimeoutError(f"Chromium did not respond to {method}")
            if number not in self._results:
                raise ConnectionError(f"Chromium has ended: {commands.Failure(method, self.log)}")
            response = self._results.pop(number)
        assert "result" in response, (method, response)
        return response["result"]

    def wait_for_event(self, *methods, seconds=SECONDS):
        """Wait for the first event of these kinds. Earlier events of other kinds are dropped."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                event = self._events.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"Chromium sent no {' or '.join(methods)}") from None
            if event["method"] in methods:
                return event

    def drop_events(self):
        """Drop the events that have arrived so far."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._events.get_nowait()

    def network_events(self, session):
        """The events of the network that a tab has reported so far."""
        return [event for event in list(self._network) if event.get("sessionId") == session]

    def _read(self):
        """Sort what Chromium writes into results and events, until it ends."""
        rest = b""
        with contextlib.suppress(OSError, ValueError):
            while read := self._messages.read1(65536):
                *messages, rest = (rest + read).split(b"\0")
                for message in map(json.loads, messages):
                    if "id" in message:
                        with self._arrived:
                            self._results[message["id"]] = message
                            self._arrived.notify_all()
                    elif message["method"].startswith("Network."):
                        self._network.append(message)
                    else:
                        self._events.put(message)
        with self._arrived:
            self._results[None] = None
            self._arrived.notify_all()


def high_pipe():
    """A pipe whose file descriptors are not the ones that Chromium needs for itself."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high
