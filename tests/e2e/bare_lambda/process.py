"""One running function process, started under a Runtime API of its own, and what the kernel reports about it.

Its standard output is a pipe that a thread reads, as in Lambda.
"""

import ctypes
import os
import signal
import threading
import time

from .runtime_api import RuntimeApi

_libc = ctypes.CDLL(None, use_errno=True)
_discard_pipe = None


class Process:
    """A started function. It is killed when the `with` block ends."""

    def __init__(self, command, environment, output=None):
        """`output` is a file descriptor for standard output and standard error. By default they are discarded."""
        self._command = [str(word) for word in command]
        self._environment = environment
        self._output = output
        self.api = RuntimeApi()

    def __enter__(self):
        self.api.__enter__()
        environment = {**self._environment, "AWS_LAMBDA_RUNTIME_API": self.api.address}
        output = discard_pipe() if self._output is None else self._output
        actions = [(os.POSIX_SPAWN_DUP2, output, 1), (os.POSIX_SPAWN_DUP2, output, 2)]
        # posix_spawn takes a tenth of subprocess's time, and that time counts in every start that is measured.
        self.started = time.perf_counter()
        self.pid = os.posix_spawn(self._command[0], self._command, environment, file_actions=actions)
        self._running = True
        self.api.watch(self.pid)
        return self

    def __exit__(self, *_):
        self.end()
        self.api.__exit__()

    def end(self, number=signal.SIGKILL):
        """Send a signal to the process and wait until it has ended."""
        if self._running:
            self._running = False
            os.kill(self.pid, number)
            os.waitpid(self.pid, 0)

    def invoke(self, event):
        """Hand out an event. Returns the response and the time of its arrival, once the next event is asked for."""
        response, arrived = self.api.invoke(event)
        self.api.accept()
        self.api.wait_for_next()
        return response, arrived

    def cpu_seconds(self):
        """The CPU time of all threads so far. The clock's resolution is a nanosecond."""
        clock = ctypes.c_int()
        if _libc.clock_getcpuclockid(self.pid, ctypes.byref(clock)) != 0:
            raise OSError("this system has no clock for the CPU time of a process")
        return time.clock_gettime(clock.value)

    def memory(self):
        """Bytes of memory as /proc reports them: VmHWM is the peak, VmRSS the current size."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        return {name: int(fields[name].split()[0]) * 1024 for name in ("VmHWM", "VmRSS")}


def discard_pipe():
    """The write end of a pipe whose content is read and dropped. All processes share one pipe."""
    global _discard_pipe
    if _discard_pipe is None:
        read, _discard_pipe = os.pipe()
        threading.Thread(target=_read_forever, args=(read,), daemon=True).start()
    # Node makes its standard output non-blocking, and this pipe was perhaps one's. Lambda's is blocking.
    os.set_blocking(_discard_pipe, True)
    return _discard_pipe


def _read_forever(descriptor):
    while os.read(descriptor, 65536):
        pass
