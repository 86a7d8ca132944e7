"""Runs Chromium without a window, and drives it over the DevTools protocol.

Chromium reads the protocol's messages from one pipe and writes them to another, so it opens no port. It resolves no
host name but those below `localhost`, so it can reach only this machine.
"""

import contextlib
import fcntl
import itertools
import json
import os
import pathlib
import queue
import sys
import tempfile
import threading
import time

from local_aws import commands, isolation, paths

from . import installing

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
    """A browser that runs until the `with` block ends. Raises installing.Unavailable if it doesn't start."""

    def __init__(self):
        self.log = paths.TARGET / "chromium.log"
        self._ids = itertools.count(1)
        self._events = queue.SimpleQueue()
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
                raise installing.Unavailable(str(commands.Failure("Chromium did not start", self.log))) from None
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
                    else:
                        self._events.put(message)
        with self._arrived:
            self._results[None] = None
            self._arrived.notify_all()


class Tab:
    """One tab."""

    def __init__(self, browser, session, downloads):
        self._browser = browser
        self._session = session
        self._downloads = pathlib.Path(downloads)

    def open(self, url):
        """Open a URL as if it was typed. Returns "shown", or "saved" if it became a download."""
        self._browser.drop_events()
        self._browser.call("Page.navigate", self._session, url=url)
        while True:
            event = self._browser.wait_for_event("Page.loadEventFired", "Browser.downloadProgress")
            if event["method"] == "Page.loadEventFired":
                return "shown"
            if event["params"]["state"] != "inProgress":
                assert event["params"]["state"] == "completed", event
                return "saved"

    def load(self, url):
        """Open a page, and wait until it and everything that it embeds has been loaded."""
        self._browser.drop_events()
        self._browser.call("Page.navigate", self._session, url=url)
        self._browser.wait_for_event("Page.loadEventFired")

    def downloaded(self):
        """Wait for the next download to end. Returns the name that the browser gives the file, and its bytes."""
        begun = self._browser.wait_for_event("Browser.downloadWillBegin")["params"]
        while True:
            progress = self._browser.wait_for_event("Browser.downloadProgress")["params"]
            if progress["state"] != "inProgress":
                assert progress["state"] == "completed", progress
                return begun["suggestedFilename"], (self._downloads / begun["guid"]).read_bytes()

    def has_downloads(self):
        """Whether a file was saved, whole or in part."""
        return any(self._downloads.iterdir())

    def set_width(self, pixels):
        """Give the page this width."""
        self._browser.call(
            "Emulation.setDeviceMetricsOverride",
            self._session,
            width=pixels,
            height=640,
            deviceScaleFactor=1,
            mobile=False,
        )

    def evaluate(self, expression):
        """The value of a JavaScript expression in the page. A promise is awaited."""
        result = self._browser.call(
            "Runtime.evaluate", self._session, expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


def high_pipe():
    """A pipe whose file descriptors are not the ones that Chromium needs for itself."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high
