"""Runs a command, writes its output to a log file, and ends it together with this process.

The user sees one line for each command. If the command fails, the error shows the end of the log.
"""

import os
import signal
import subprocess
import sys
import time


class Failure(Exception):
    """An error for the user: one sentence, and the log with the details."""

    def __init__(self, sentence, log=None):
        super().__init__(sentence)
        self.sentence = sentence
        self.log = log

    def __str__(self):
        if self.log is None:
            return self.sentence
        lines = "\n".join(f"    {line}" for line in tail(self.log, 20))
        return f"{self.sentence}\n{self.log} ends with:\n{lines}"


def tail(log, count):
    """The last `count` lines of a log that are not blank."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]


def start(command, *, log, env, cwd, pass_fds=()):
    """Start a command in a session of its own. Ctrl-C then reaches only this process, which ends the command.

    The command inherits the file descriptors in `pass_fds`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as out:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
        )


def end(process, timeout=5.0):
    """End a process that `start` started, and its children. SIGKILL follows SIGTERM after `timeout` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The process leads its own session, so its id is also the id of its process group.
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            continue
        if number == signal.SIGTERM:
            timeout = 1.0


def run(command, *, log, env, cwd, failure):
    """Run a command to its end. Raises a Failure with the sentence `failure` if its exit status is not 0."""
    process = start(command, log=log, env=env, cwd=cwd)
    try:
        show_progress(process, log)
    except BaseException:
        end(process)
        raise
    if process.returncode != 0:
        raise Failure(failure, log)


def show_progress(process, log):
    """Wait until a process has ended. On a terminal, show the last line of its log meanwhile."""
    is_terminal = sys.stdout.isatty()
    shown = ""
    while process.poll() is None:
        time.sleep(0.1)
        last = (tail(log, 1) or [""])[0].strip()[:66] if is_terminal else shown
        if last != shown:
            shown = last
            print(f"\r\033[K           {shown}", end="", flush=True)
    if is_terminal:
        print("\r\033[K", end="", flush=True)
