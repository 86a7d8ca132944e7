"""A function under measurement: a process that was really started, and what the system says of it.

Its standard output goes where Lambda's does, into a pipe that somebody reads.
"""

import ctypes
import os
import signal
import threading
import time

from .runtime_api import RuntimeApi

_libc = ctypes.CDLL(None, use_errno=True)
_drain = None


class Process:
    """A started function, for as long as the `with` block lasts."""

    def __init__(self, command, environment, output=None):
        """`output` is where standard output and standard error go, as a file descriptor."""
        self._command = [str(word) for word in command]
        self._environment = environment
        self._output = output
        self.api = RuntimeApi()

    def __enter__(self):
        self.api.__enter__()
        environment = {**self._environment, "AWS_LAMBDA_RUNTIME_API": self.api.address}
        output = drain() if self._output is None else self._output
        actions = [(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
        # Not subprocess: this costs a tenth, and it is part of every start that is measured.
        self.started = time.perf_counter()
        self.pid = os.posix_spawn(self._command[0], self._command, environment, file_actions=actions)
        self._running = True
        self.api.watch(self.pid)
        return self

    def __exit__(self, *_):
        self.end()
        self.api.__exit__()

    def end(self, number=signal.SIGKILL):
        """End it, and wait until it is gone."""
        if self._running:
            self._running = False
            os.kill(self.pid, number)
            os.waitpid(self.pid, 0)

    def invoke(self, event):
        """Give it an event. Returns its response and when that was here; it then asks for the next event."""
        response, arrived = self.api.invoke(event)
        self.api.accept()
        self.api.wait_for_next()
        return response, arrived

    def cpu_seconds(self):
        """The processor time of all its threads so far, to the nanosecond."""
        clock = ctypes.c_int()
        if _libc.clock_getcpuclockid(self.pid, ctypes.byref(clock)) != 0:
            raise OSError("this system keeps no clock of a process's processor time")
        return time.clock_gettime(clock.value)

    def memory(self):
        """What /proc says of its memory, in bytes: VmHWM is the most it ever had, VmRSS what it has."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        return {name: int(fields[name].split()[0]) * 1024 for name in ("VmHWM", "VmRSS")}


def drain():
    """A pipe that is read and forgotten; one for all."""
    global _drain
    if _drain is None:
        read, _drain = os.pipe()
        threading.Thread(target=_read_forever, args=(read,), daemon=True).start()
    return _drain


def _read_forever(descriptor):
    while os.read(descriptor, 65536):
        pass
