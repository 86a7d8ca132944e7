"""Runs a command with its output in a log file, and ends it with us.

A person sees one line for each command; the log is for when that line says that it failed.
"""

import os
import signal
import subprocess
import sys
import time


class Failure(Exception):
    """Something a person has to look at: one sentence, and the log that says more."""

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
    """The last lines of a log that say something."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-count:]


def start(command, *, log, env, cwd):
    """Start a command in a session of its own, so that Ctrl-C reaches us alone and we end it in order."""
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
        )


def end(process, patience=5.0):
    """End a process that `start` started, with whatever it started in turn."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Its own session, so its process group bears its id.
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
        if number == signal.SIGTERM:
            patience = 1.0


def run(command, *, log, env, cwd, failure):
    """Run a command to its end, or raise a Failure with the given sentence."""
    process = start(command, log=log, env=env, cwd=cwd)
    try:
        show_signs_of_life(process, log)
    except BaseException:
        end(process)
        raise
    if process.returncode != 0:
        raise Failure(failure, log)


def show_signs_of_life(process, log):
    """Wait for a process. A person at a terminal sees the last line of its log meanwhile."""
    watched = sys.stdout.isatty()
    shown = ""
    while process.poll() is None:
        time.sleep(0.1)
        last = (tail(log, 1) or [""])[0].strip()[:66] if watched else shown
        if last != shown:
            shown = last
            print(f"\r\033[K           {shown}", end="", flush=True)
    if watched:
        print("\r\033[K", end="", flush=True)
